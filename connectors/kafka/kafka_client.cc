#include "connectors/kafka/kafka_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;

// What suits a client that stays for months; all can be overridden.
const Properties& common_defaults() {
  static const Properties kDefaults = {
      {"client.id", "remapd"},
      {"socket.nagle.disable", "true"},
      {"socket.keepalive.enable", "true"},
      {"socket.timeout.ms", "10000"},
      {"reconnect.backoff.max.ms", "2000"},
      {"log.connection.close", "false"},
  };
  return kDefaults;
}

LogSeverity severity_of(int syslog_level) {
  if (syslog_level <= 3) return LogSeverity::kError;
  if (syslog_level == 4) return LogSeverity::kWarning;
  return syslog_level <= 6 ? LogSeverity::kInfo : LogSeverity::kDebug;
}

bool concerns_cluster(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
         code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__FATAL;
}

int as_timeout(std::chrono::milliseconds timeout) {
  return static_cast<int>(std::clamp<std::int64_t>(timeout.count(), 0, 1'000'000'000));
}

}  // namespace

KafkaClient::KafkaClient(LogCallback log, ClientRole role, std::string brokers)
    : log_(std::move(log)), role_(std::move(role)), brokers_(std::move(brokers)) {}

Result<std::unique_ptr<KafkaClient>> KafkaClient::create(const KafkaSettings& settings,
                                                         ClientRole role) {
  Properties defaults = common_defaults();
  for (const auto& [name, value] : role.defaults) defaults[name] = value;
  const auto properties = resolve(settings, defaults, role.fixed);
  if (!properties) return fail(properties.error());

  std::unique_ptr<KafkaClient> client(
      new KafkaClient(settings.log, std::move(role), settings.brokers));
  ConfHandle conf(rd_kafka_conf_new());
  std::array<char, 512> reason{};
  for (const auto& [name, property] : *properties) {
    const auto set = rd_kafka_conf_set(conf.get(), name.c_str(), property.value.c_str(),
                                       reason.data(), reason.size());
    if (set == RD_KAFKA_CONF_OK) continue;
    // librdkafka may quote the value it refuses.
    const std::string told = is_secret(name)
                                 ? "librdkafka refuses it"
                                 : fmt::format("{} (it is \"{}\")", reason.data(), property.value);
    return fail(ErrorCode::kConfig,
                fmt::format("{}: {}", property.key.empty() ? name : property.key, told));
  }
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), &KafkaClient::on_log);
  rd_kafka_conf_set_error_cb(conf.get(), &KafkaClient::on_error);
  if (client->role_.on_delivery) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), &KafkaClient::on_delivery_report);
  }
  if (client->role_.on_statistics) {
    rd_kafka_conf_set_stats_cb(conf.get(), &KafkaClient::on_stats);
  }
  if (client->role_.on_commit) {
    rd_kafka_conf_set_offset_commit_cb(conf.get(), &KafkaClient::on_offset_commit);
  }
  client->handle_ = rd_kafka_new(client->role_.type, conf.get(), reason.data(), reason.size());
  if (client->handle_ == nullptr) {
    return fail(ErrorCode::kConfig, fmt::format("the Kafka properties do not go together: {}",
                                                static_cast<const char*>(reason.data())));
  }
  (void)conf.release();  // rd_kafka_new() has taken it
  if (client->role_.type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(client->handle_);
  return client;
}

KafkaClient::~KafkaClient() {
  if (handle_ == nullptr) return;
  if (role_.type == RD_KAFKA_PRODUCER) {
    rd_kafka_destroy(handle_);
  } else {
    // No group was joined, so there is none to leave.
    rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
}

void KafkaClient::on_log(const rd_kafka_t* client, int level, const char* facility,
                         const char* text) {
  const auto* self = static_cast<const KafkaClient*>(rd_kafka_opaque(client));
  if (self == nullptr || !self->log_) return;
  if (self->role_.shares_properties && std::string_view(facility) == "CONFWARN") return;
  self->log_({severity_of(level), rd_kafka_name(client), facility, text});
}

int KafkaClient::on_stats(rd_kafka_t*, char* json, std::size_t size, void* opaque) {
  static_cast<KafkaClient*>(opaque)->role_.on_statistics({json, size});
  return 0;  // librdkafka frees it
}

void KafkaClient::on_error(rd_kafka_t* client, int code, const char* reason, void* opaque) {
  auto* self = static_cast<KafkaClient*>(opaque);
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  if (self->log_) {
    self->log_({LogSeverity::kWarning, rd_kafka_name(client), rd_kafka_err2name(error), reason});
  }
  if (!concerns_cluster(error)) return;
  self->trouble_ =
      to_error(error, fmt::format("Kafka at {} (kafka.brokers): {}", self->brokers_, reason));
}

void KafkaClient::on_delivery_report(rd_kafka_t* /*client*/, const rd_kafka_message_t* message,
                                     void* opaque) {
  static_cast<KafkaClient*>(opaque)->role_.on_delivery(*message);
}

void KafkaClient::on_offset_commit(rd_kafka_t* /*client*/, rd_kafka_resp_err_t code,
                                   rd_kafka_topic_partition_list_t* /*offsets*/, void* opaque) {
  static_cast<KafkaClient*>(opaque)->role_.on_commit(code);
}

void KafkaClient::poll(std::chrono::milliseconds timeout) {
  rd_kafka_poll(handle_, as_timeout(timeout));
}

MessageHandle KafkaClient::consume(std::chrono::milliseconds timeout) {
  return MessageHandle(rd_kafka_consumer_poll(handle_, as_timeout(timeout)));
}

Result<std::uint32_t> KafkaClient::partition_count(const std::string& topic,
                                                   std::chrono::milliseconds timeout) {
  const TopicHandle handle(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
  if (!handle) return fail(to_error(rd_kafka_last_error(), fmt::format("topic \"{}\"", topic)));
  const struct rd_kafka_metadata* answer = nullptr;
  const auto code = rd_kafka_metadata(handle_, 0, handle.get(), &answer, as_timeout(timeout));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (trouble_) return fail(*trouble_);
    return fail(to_error(code, fmt::format("Kafka at {} (kafka.brokers)", brokers_)));
  }
  const MetadataHandle metadata(answer);
  if (metadata->topic_cnt != 1) return fail(no_such_topic(topic));
  const rd_kafka_metadata_topic& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
      (found.err == RD_KAFKA_RESP_ERR_NO_ERROR && found.partition_cnt == 0)) {
    return fail(no_such_topic(topic));
  }
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(to_error(found.err, fmt::format("topic \"{}\"", topic)));
  }
  return static_cast<std::uint32_t>(found.partition_cnt);
}

// Not rd_kafka_query_watermark_offsets(): with the leader gone that one outwaits any timeout.
Result<void> KafkaClient::query(rd_kafka_topic_partition_list_t& partitions, LogEnd which,
                                std::chrono::milliseconds timeout) {
  for (int i = 0; i < partitions.cnt; ++i) {
    // Asked for as if they were times.
    partitions.elems[i].offset =
        which == LogEnd::kBeginning ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  }
  auto code = rd_kafka_offsets_for_times(handle_, &partitions, as_timeout(timeout));
  for (int i = 0; i < partitions.cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    code = partitions.elems[i].err;
  }
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const char* topic = partitions.elems[0].topic;
  if (code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    return fail(no_such_topic(topic));
  }
  if (trouble_) return fail(*trouble_);
  return fail(to_error(
      code, fmt::format("the offsets of topic \"{}\" at {} (kafka.brokers)", topic, brokers_)));
}

Result<std::vector<std::int64_t>> KafkaClient::log_ends(const std::string& topic,
                                                        std::uint32_t count, LogEnd which,
                                                        std::chrono::milliseconds timeout) {
  const PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(count)));
  for (std::uint32_t p = 0; p < count; ++p) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<std::int32_t>(p));
  }
  if (auto asked = query(*list, which, timeout); !asked) return fail(std::move(asked).error());
  std::vector<std::int64_t> offsets(count);
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& partition = list->elems[i];
    offsets[static_cast<std::size_t>(partition.partition)] = partition.offset;
  }
  return offsets;
}

Result<Watermarks> KafkaClient::watermarks(const std::string& topic, std::uint32_t partition,
                                           std::chrono::milliseconds timeout) {
  const PartitionListHandle list = one_partition(topic, partition, 0);
  Watermarks marks;
  if (auto low = query(*list, LogEnd::kBeginning, timeout); !low) {
    return fail(std::move(low).error());
  }
  marks.low = list->elems[0].offset;
  if (auto high = query(*list, LogEnd::kEnd, timeout); !high) {
    return fail(std::move(high).error());
  }
  marks.high = list->elems[0].offset;
  return marks;
}

Error to_error(rd_kafka_resp_err_t code, std::string_view what) {
  std::string message = fmt::format("{}: {}", what, rd_kafka_err2str(code));
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return {ErrorCode::kNotFound, std::move(message), true};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return {ErrorCode::kConfig, std::move(message), false};
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return {ErrorCode::kConflict, std::move(message), false};
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return {ErrorCode::kResource, std::move(message), true};
    case RD_KAFKA_RESP_ERR__FATAL:
      return {ErrorCode::kUnavailable, std::move(message), false};
    default:
      // Also what needs a person (rights, passwords): it may be put right while we wait.
      return {ErrorCode::kUnavailable, std::move(message), true};
  }
}

Error no_such_topic(std::string_view topic) {
  return {ErrorCode::kNotFound,
          fmt::format("topic \"{}\" does not exist: create it (remapd topics --create), or change "
                      "the key that names it",
                      topic),
          true};
}

PartitionListHandle one_partition(const std::string& topic, std::uint32_t partition,
                                  std::int64_t offset) {
  PartitionListHandle list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<std::int32_t>(partition))
      ->offset = offset;
  return list;
}

std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

}  // namespace remapd::kafka
