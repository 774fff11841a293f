#include "connectors/kafka/topic_admin.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "connectors/kafka/kafka_client.h"

namespace remapd::kafka {
namespace {

using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Destroyer<&rd_kafka_queue_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Destroyer<&rd_kafka_event_destroy>>;
using OptionsHandle =
    std::unique_ptr<rd_kafka_AdminOptions_t, Destroyer<&rd_kafka_AdminOptions_destroy>>;
using NewTopicHandle = std::unique_ptr<rd_kafka_NewTopic_t, Destroyer<&rd_kafka_NewTopic_destroy>>;
using NewPartitionsHandle =
    std::unique_ptr<rd_kafka_NewPartitions_t, Destroyer<&rd_kafka_NewPartitions_destroy>>;
using DeleteTopicHandle =
    std::unique_ptr<rd_kafka_DeleteTopic_t, Destroyer<&rd_kafka_DeleteTopic_destroy>>;
using DeleteRecordsHandle =
    std::unique_ptr<rd_kafka_DeleteRecords_t, Destroyer<&rd_kafka_DeleteRecords_destroy>>;
using ResourceHandle =
    std::unique_ptr<rd_kafka_ConfigResource_t, Destroyer<&rd_kafka_ConfigResource_destroy>>;

std::optional<std::int64_t> number(const Properties& config, std::string_view name) {
  const auto found = config.find(name);
  if (found == config.end()) return std::nullopt;
  std::int64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

TopicSpec event_topic(std::string name, std::uint32_t partitions) {
  return {
      .name = std::move(name), .partitions = partitions, .config = {{"cleanup.policy", "delete"}}};
}

TopicSpec mapping_topic(std::string name, std::uint64_t chunk_bytes) {
  // Room for the message around a chunk's data; never below Kafka's own default.
  const std::uint64_t largest = std::max<std::uint64_t>(chunk_bytes + (64U << 10), 1'048'588);
  return {.name = std::move(name),
          .partitions = 1,
          .config = {
              {"cleanup.policy", "compact"},
              {"max.message.bytes", std::to_string(largest)},
              // A reader that is slow, or a claim that is being contested, finds the records of
              // the last minute uncompacted and those deleted in the last day marked so.
              {"min.compaction.lag.ms", "60000"},
              {"delete.retention.ms", "86400000"},
              // Superseded versions are cleaned within the hour, however slowly segments fill.
              {"segment.ms", "3600000"},
              {"min.cleanable.dirty.ratio", "0.1"},
          }};
}

TopicSpec dead_letter_topic(std::string name) {
  return {.name = std::move(name),
          .partitions = 1,
          .config = {{"cleanup.policy", "delete"}, {"retention.ms", "604800000"}}};
}

class TopicAdmin::Connection {
 public:
  Connection(std::unique_ptr<KafkaClient> client, std::chrono::milliseconds timeout)
      : client_(std::move(client)), timeout_(timeout) {}

  Result<TopicState> inspect(const std::string& topic) {
    TopicState state;
    const TopicHandle handle(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
    const struct rd_kafka_metadata* answer = nullptr;
    const auto code = rd_kafka_metadata(client_->get(), 0, handle.get(), &answer,
                                        static_cast<int>(timeout_.count()));
    client_->poll(std::chrono::milliseconds(0));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(unreachable(code));
    const MetadataHandle metadata(answer);
    if (metadata->topic_cnt != 1) return state;
    const rd_kafka_metadata_topic& found = metadata->topics[0];
    if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return state;
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return fail(to_error(found.err, fmt::format("topic \"{}\"", topic)));
    }
    state.exists = found.partition_cnt > 0;
    state.partitions = static_cast<std::uint32_t>(found.partition_cnt);
    for (int p = 0; p < found.partition_cnt; ++p) {
      const auto replicas = static_cast<std::uint32_t>(found.partitions[p].replica_cnt);
      state.replicas = p == 0 ? replicas : std::min(state.replicas, replicas);
    }
    return state.exists ? with_config(topic, std::move(state)) : state;
  }

  Result<bool> create(const TopicSpec& spec) {
    std::array<char, 512> reason{};
    const NewTopicHandle topic(
        rd_kafka_NewTopic_new(spec.name.c_str(), static_cast<int>(spec.partitions),
                              spec.replication, reason.data(), reason.size()));
    if (!topic) return fail(ErrorCode::kConfig, fmt::format("{}: {}", spec.name, reason.data()));
    for (const auto& [name, value] : spec.config) {
      rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
    }
    std::array<rd_kafka_NewTopic_t*, 1> topics = {topic.get()};
    auto event = ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](const auto* options, auto* queue) {
      rd_kafka_CreateTopics(client_->get(), topics.data(), 1, options, queue);
    });
    if (!event) return fail(std::move(event).error());
    std::size_t count = 0;
    const auto* results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event->get()), &count);
    auto done = outcome(results, count, "creating");
    if (!done && done.error().code == ErrorCode::kConflict) return false;
    if (!done) return fail(std::move(done).error());
    if (auto known = wait_until_known(spec.name, spec.partitions); !known) {
      return fail(std::move(known).error());
    }
    return true;
  }

  Result<void> add_partitions(const std::string& topic, std::uint32_t partitions) {
    std::array<char, 512> reason{};
    const NewPartitionsHandle grown(
        rd_kafka_NewPartitions_new(topic.c_str(), partitions, reason.data(), reason.size()));
    if (!grown) return fail(ErrorCode::kConfig, fmt::format("{}: {}", topic, reason.data()));
    std::array<rd_kafka_NewPartitions_t*, 1> all = {grown.get()};
    auto event = ask(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, [&](const auto* options, auto* queue) {
      rd_kafka_CreatePartitions(client_->get(), all.data(), 1, options, queue);
    });
    if (!event) return fail(std::move(event).error());
    std::size_t count = 0;
    const auto* results = rd_kafka_CreatePartitions_result_topics(
        rd_kafka_event_CreatePartitions_result(event->get()), &count);
    if (auto done = outcome(results, count, "adding partitions to"); !done) return done;
    return wait_until_known(topic, partitions);
  }

  Result<void> delete_topic(const std::string& topic) {
    const DeleteTopicHandle gone(rd_kafka_DeleteTopic_new(topic.c_str()));
    std::array<rd_kafka_DeleteTopic_t*, 1> all = {gone.get()};
    auto event = ask(RD_KAFKA_ADMIN_OP_DELETETOPICS, [&](const auto* options, auto* queue) {
      rd_kafka_DeleteTopics(client_->get(), all.data(), 1, options, queue);
    });
    if (!event) return fail(std::move(event).error());
    std::size_t count = 0;
    const auto* results = rd_kafka_DeleteTopics_result_topics(
        rd_kafka_event_DeleteTopics_result(event->get()), &count);
    return outcome(results, count, "deleting");
  }

  Result<void> delete_records(const std::string& topic, std::uint32_t partition,
                              std::int64_t offset) {
    const PartitionListHandle before = one_partition(topic, partition, offset);
    const DeleteRecordsHandle records(rd_kafka_DeleteRecords_new(before.get()));
    std::array<rd_kafka_DeleteRecords_t*, 1> all = {records.get()};
    auto event = ask(RD_KAFKA_ADMIN_OP_DELETERECORDS, [&](const auto* options, auto* queue) {
      rd_kafka_DeleteRecords(client_->get(), all.data(), 1, options, queue);
    });
    if (!event) return fail(std::move(event).error());
    const auto* offsets =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event->get()));
    for (int i = 0; i < offsets->cnt; ++i) {
      if (offsets->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return fail(to_error(offsets->elems[i].err,
                             fmt::format("deleting records of topic \"{}\"", topic)));
      }
    }
    return {};
  }

 private:
  // The controller has made the topic; the brokers hear of it, and of its leaders, a moment later.
  Result<void> wait_until_known(const std::string& topic, std::uint32_t partitions) {
    const TopicHandle handle(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
    const auto deadline = std::chrono::steady_clock::now() + timeout_;
    do {
      const struct rd_kafka_metadata* answer = nullptr;
      const auto code = rd_kafka_metadata(client_->get(), 0, handle.get(), &answer,
                                          static_cast<int>(left_until(deadline).count()));
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const MetadataHandle metadata(answer);
        if (metadata->topic_cnt == 1 && has_leaders(metadata->topics[0], partitions)) return {};
      }
      client_->poll(std::chrono::milliseconds(20));
    } while (std::chrono::steady_clock::now() < deadline);
    return fail(ErrorCode::kUnavailable,
                fmt::format("topic \"{}\" was made, but its brokers do not know it yet", topic),
                /*retryable=*/true);
  }

  static bool has_leaders(const rd_kafka_metadata_topic& topic, std::uint32_t partitions) {
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
    if (static_cast<std::uint32_t>(topic.partition_cnt) < partitions) return false;
    const std::span all(topic.partitions, static_cast<std::size_t>(topic.partition_cnt));
    return std::all_of(all.begin(), all.end(), [](const rd_kafka_metadata_partition& partition) {
      return partition.err == RD_KAFKA_RESP_ERR_NO_ERROR && partition.leader >= 0;
    });
  }

  Error unreachable(rd_kafka_resp_err_t code) const {
    return client_->trouble() ? *client_->trouble() : to_error(code, "Kafka (kafka.brokers)");
  }

  // Sends a request and waits for its answer.
  template <class Send>
  Result<EventHandle> ask(rd_kafka_admin_op_t operation, Send send) {
    const QueueHandle queue(rd_kafka_queue_new(client_->get()));
    const OptionsHandle options(rd_kafka_AdminOptions_new(client_->get(), operation));
    std::array<char, 512> reason{};
    const int patience = static_cast<int>(timeout_.count());
    rd_kafka_AdminOptions_set_request_timeout(options.get(), patience, reason.data(),
                                              reason.size());
    if (operation != RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS) {
      // Until all brokers know of it.
      rd_kafka_AdminOptions_set_operation_timeout(options.get(), patience, reason.data(),
                                                  reason.size());
    }
    send(options.get(), queue.get());
    EventHandle event(rd_kafka_queue_poll(queue.get(), patience + 1'000));
    client_->poll(std::chrono::milliseconds(0));
    if (!event) return fail(unreachable(RD_KAFKA_RESP_ERR__TIMED_OUT));
    if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return fail(to_error(code, rd_kafka_event_error_string(event.get())));
    }
    return event;
  }

  static Result<void> outcome(const rd_kafka_topic_result_t* const* results, std::size_t count,
                              std::string_view doing) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      const char* told = rd_kafka_topic_result_error_string(results[i]);
      return fail(to_error(
          code, fmt::format("{} topic \"{}\": {}", doing, rd_kafka_topic_result_name(results[i]),
                            told == nullptr ? "refused" : told)));
    }
    return {};
  }

  Result<TopicState> with_config(const std::string& topic, TopicState state) {
    const ResourceHandle resource(
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    std::array<rd_kafka_ConfigResource_t*, 1> all = {resource.get()};
    auto event = ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, [&](const auto* options, auto* queue) {
      rd_kafka_DescribeConfigs(client_->get(), all.data(), 1, options, queue);
    });
    if (!event) return fail(std::move(event).error());
    std::size_t count = 0;
    const auto* resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event->get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_ConfigResource_error(resources[i]);
      // Who may not see the settings can still use the topic.
      if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) return state;
      // A broker that has not heard of it yet, or has heard already that it is deleted.
      if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return TopicState{};
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return fail(to_error(code, fmt::format("the settings of topic \"{}\"", topic)));
      }
      std::size_t entries = 0;
      const auto* configs = rd_kafka_ConfigResource_configs(resources[i], &entries);
      for (std::size_t e = 0; e < entries; ++e) {
        const char* value = rd_kafka_ConfigEntry_value(configs[e]);
        state.config[rd_kafka_ConfigEntry_name(configs[e])] = value == nullptr ? "" : value;
      }
    }
    return state;
  }

  std::unique_ptr<KafkaClient> client_;
  std::chrono::milliseconds timeout_;
};

TopicAdmin::TopicAdmin(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}

TopicAdmin::~TopicAdmin() = default;

Result<std::unique_ptr<TopicAdmin>> TopicAdmin::create(const KafkaSettings& settings,
                                                       std::chrono::milliseconds timeout) {
  ClientRole role;
  role.type = RD_KAFKA_PRODUCER;
  role.shares_properties = true;
  auto client = KafkaClient::create(settings, std::move(role));
  if (!client) return fail(std::move(client).error());
  return std::unique_ptr<TopicAdmin>(
      new TopicAdmin(std::make_unique<Connection>(std::move(*client), timeout)));
}

Result<TopicState> TopicAdmin::inspect(std::string_view topic) {
  return connection_->inspect(std::string(topic));
}

Result<bool> TopicAdmin::create_topic(const TopicSpec& spec) {
  return connection_->create(spec);
}

Result<void> TopicAdmin::add_partitions(std::string_view topic, std::uint32_t partitions) {
  return connection_->add_partitions(std::string(topic), partitions);
}

Result<void> TopicAdmin::delete_topic(std::string_view topic) {
  return connection_->delete_topic(std::string(topic));
}

Result<void> TopicAdmin::delete_records(std::string_view topic, std::uint32_t partition,
                                        std::int64_t offset) {
  return connection_->delete_records(std::string(topic), partition, offset);
}

std::vector<std::string> objections(const TopicSpec& spec, const TopicState& state) {
  std::vector<std::string> found;
  if (!state.exists) {
    found.push_back(fmt::format("topic \"{}\" does not exist", spec.name));
    return found;
  }
  const auto wanted = spec.config.find("cleanup.policy");
  const auto there = state.config.find("cleanup.policy");
  if (wanted != spec.config.end() && there != state.config.end() &&
      wanted->second != there->second) {
    found.push_back(fmt::format("topic \"{}\": cleanup.policy is \"{}\": set it to \"{}\"",
                                spec.name, there->second, wanted->second));
  }
  const bool compacted = wanted != spec.config.end() && wanted->second == "compact";
  if (compacted && state.partitions != 1) {
    found.push_back(fmt::format("topic \"{}\": has {} partitions: only the first is used",
                                spec.name, state.partitions));
  }
  for (const std::string_view name : {"max.message.bytes", "min.compaction.lag.ms"}) {
    const auto least = number(spec.config, name);
    const auto is = number(state.config, name);
    if (least && is && *is < *least) {
      found.push_back(fmt::format("topic \"{}\": {} is {}: set it to at least {}", spec.name, name,
                                  *is, *least));
    }
  }
  const auto in_sync = number(state.config, "min.insync.replicas");
  if (in_sync && state.replicas > 1 && *in_sync < 2) {
    found.push_back(
        fmt::format("topic \"{}\": min.insync.replicas is 1 with {} replicas: set it to "
                    "2, or what one broker has confirmed can be lost with it",
                    spec.name, state.replicas));
  }
  const auto unclean = state.config.find("unclean.leader.election.enable");
  if (unclean != state.config.end() && unclean->second == "true") {
    found.push_back(
        fmt::format("topic \"{}\": unclean.leader.election.enable is true: set it to "
                    "false, or confirmed messages can be lost",
                    spec.name));
  }
  return found;
}

}  // namespace remapd::kafka
