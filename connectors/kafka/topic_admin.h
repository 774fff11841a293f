// TopicAdmin: the topics remapd uses, checked and created with the settings they need.
//
// Blocking; not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/kafka_settings.h"
#include "core/base/result.h"

namespace remapd::kafka {

struct TopicSpec {
  std::string name;
  std::uint32_t partitions = 1;
  std::int32_t replication = -1;  // -1: the broker's default.replication.factor
  Properties config;              // topic settings it is created with
};

// Access events: read once by remapd, kept by time.
TopicSpec event_topic(std::string name, std::uint32_t partitions);
// Mapping versions: compacted, one partition; takes messages of `chunk_bytes` of payload.
TopicSpec mapping_topic(std::string name, std::uint64_t chunk_bytes);
TopicSpec dead_letter_topic(std::string name);

struct TopicState {
  bool exists = false;
  std::uint32_t partitions = 0;
  std::uint32_t replicas = 0;  // of the partition that has the fewest
  Properties config;           // as in force, defaults included; empty: not ours to see
};

class TopicAdmin {
 public:
  static Result<std::unique_ptr<TopicAdmin>> create(
      const KafkaSettings& settings, std::chrono::milliseconds timeout = std::chrono::seconds(10));
  ~TopicAdmin();

  Result<TopicState> inspect(std::string_view topic);
  // The topic can be used on return. false: it was there already (its settings are not touched).
  // kConfig, kUnavailable (retryable).
  Result<bool> create_topic(const TopicSpec& spec);
  // Grows a topic to `partitions`.
  Result<void> add_partitions(std::string_view topic, std::uint32_t partitions);
  Result<void> delete_topic(std::string_view topic);
  // Deletes the messages of a partition before `offset`, as retention would.
  Result<void> delete_records(std::string_view topic, std::uint32_t partition, std::int64_t offset);

 private:
  class Connection;
  explicit TopicAdmin(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// What of `state` does not suit what `spec` asks for, one sentence each with what to change; empty:
// it suits. Settings stricter than the spec's are fine.
std::vector<std::string> objections(const TopicSpec& spec, const TopicState& state);

}  // namespace remapd::kafka
