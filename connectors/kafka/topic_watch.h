// TopicWatch: whether a topic can be read, looked at now and then, more often while it cannot.
//
// Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "connectors/kafka/kafka_client.h"
#include "core/base/result.h"

namespace remapd::kafka {

class TopicWatch {
 public:
  TopicWatch(std::string topic, std::chrono::milliseconds interval);

  // If it is time: asks the brokers, for about `patience` (20 ms to a quarter of a second). The
  // topic's partitions, if it was time and they answered.
  std::optional<std::uint32_t> look(KafkaClient& client, std::chrono::milliseconds patience);

  // Something went wrong with the topic: looked at every second until it works.
  void note(Error error) { problem_ = std::move(error); }
  // A message was read.
  void works(KafkaClient& client);
  // Forgets what was wrong, and counts as a look.
  void restart();

  // What keeps the topic from being read now: of the cluster, or of the topic.
  std::optional<Error> problem(const KafkaClient& client) const;

 private:
  std::string topic_;
  std::chrono::milliseconds interval_;
  std::optional<std::chrono::steady_clock::time_point> last_look_;
  std::optional<Error> problem_;
};

}  // namespace remapd::kafka
