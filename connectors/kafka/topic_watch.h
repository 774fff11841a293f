// TopicWatch: checks at intervals whether a topic can be read; every second while it cannot.
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

  // If a check is due: asks the brokers, for about `patience`, at least 20 and at most 250 ms. The
  // number of partitions, if a check was due and they answered.
  std::optional<std::uint32_t> look(KafkaClient& client, std::chrono::milliseconds patience);

  // The topic could not be read: it is checked every second until works().
  void note(Error error) { problem_ = std::move(error); }
  // A message was read.
  void works(KafkaClient& client);
  // Forgets the problem, and counts as a check.
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
