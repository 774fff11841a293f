#include "connectors/kafka/record_log.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "connectors/kafka/damaged_stretch.h"

namespace remapd::kafka {

using std::chrono::steady_clock;

LogRecord log_record(const rd_kafka_message_t& message) {
  LogRecord record{.offset = message.offset, .key = key_of(message), .value = std::nullopt};
  if (message.payload != nullptr) record.value = payload_of(message);
  return record;
}

ClientRole mapping_reader_role() {
  ClientRole role;
  role.type = RD_KAFKA_CONSUMER;
  role.defaults = {
      {"queued.max.messages.kbytes", "32768"},
      {"fetch.message.max.bytes", "8388608"},
      {"fetch.wait.max.ms", "100"},
      {"check.crcs", "true"},
      // Of a partition that nobody fetches librdkafka remembers who leads it for so long (15
      // minutes if not told otherwise), and goes on asking a leader that is gone.
      {"metadata.max.age.ms", "5000"},
  };
  static constexpr std::string_view kNoGroup = "the mapping topic is read without a group";
  role.fixed = {
      {"group.id", "remapd-mappings", kNoGroup},
      {"enable.auto.commit", "false", kNoGroup},
      {"enable.auto.offset.store", "false", kNoGroup},
      {"auto.offset.reset", "error", "remapd itself goes back to the beginning of the topic"},
      {"enable.partition.eof", "true", "remapd must know when it has read all"},
      {"allow.auto.create.topics", "false", "the topic must be compacted"},
  };
  role.shares_properties = true;
  return role;
}

RecordLog::RecordLog(std::unique_ptr<KafkaClient> client, std::string topic,
                     std::chrono::milliseconds timeout)
    : client_(std::move(client)), topic_(std::move(topic)), timeout_(timeout) {}

Result<std::unique_ptr<RecordLog>> RecordLog::create(const KafkaSettings& settings,
                                                     std::string topic,
                                                     std::chrono::milliseconds timeout) {
  auto client = KafkaClient::create(settings, mapping_reader_role());
  if (!client) return fail(std::move(client).error());
  return std::unique_ptr<RecordLog>(new RecordLog(std::move(*client), std::move(topic), timeout));
}

Result<Watermarks> RecordLog::range() {
  auto marks = client_->watermarks(topic_, kMappingPartition, std::min(timeout_, kAnswerTimeout));
  (void)client_->consume(std::chrono::milliseconds(0));  // serves callbacks; nothing is assigned
  if (!marks && client_->trouble()) return fail(*client_->trouble());
  if (marks) client_->clear_trouble();
  return marks;
}

Result<void> RecordLog::fetch_from(std::int64_t offset) {
  const auto code =
      rd_kafka_assign(client_->get(), one_partition(topic_, kMappingPartition, offset).get());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return fail(to_error(code, fmt::format("reading topic \"{}\"", topic_)));
}

Result<void> RecordLog::read(std::int64_t from, std::int64_t to,
                             const std::function<void(const LogRecord&)>& visit) {
  if (from >= to) return {};
  const std::string what = fmt::format("reading topic \"{}\"", topic_);
  std::int64_t next = from;
  std::optional<DamagedStretch> damage;  // whose end is being looked for
  // After a probe of it.
  const auto search_on = [&]() -> Result<void> {
    while (!damage->found() && damage->probe() >= to) damage->probe_succeeded();
    if (!damage->found()) return fetch_from(damage->probe());
    damage_ = damage_found(topic_, *damage);
    next = damage->end();
    damage.reset();
    return next < to ? fetch_from(next) : Result<void>{};
  };
  Result<void> result = fetch_from(from);
  auto deadline = steady_clock::now() + timeout_;
  while (result && next < to) {
    const MessageHandle message = client_->consume(left_until(deadline));
    if (!message) {
      if (steady_clock::now() < deadline) continue;
      result = fail(client_->trouble() ? *client_->trouble()
                                       : to_error(RD_KAFKA_RESP_ERR__TIMED_OUT, what));
      continue;
    }
    const bool is_record = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (is_record || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      deadline = is_record ? steady_clock::now() + timeout_ : deadline;
      if (damage) {
        damage->probe_succeeded();
        result = search_on();
      } else if (is_record) {
        if (message->offset < to) visit(log_record(*message));
        next = message->offset + 1;
      } else {
        // Compaction may have left nothing up to `to`. An end before it is an old leader's.
        next = std::max(next, message->offset);
      }
    } else if (tells_of_damage(message->err)) {
      deadline = steady_clock::now() + timeout_;
      if (damage) {
        damage->probe_failed();
      } else {
        damage.emplace(next);
      }
      result = search_on();
    } else if (!to_error(message->err, what).retryable ||
               message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
               message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      result = fail(to_error(message->err, what));
    } else if (steady_clock::now() >= deadline) {
      result = fail(to_error(message->err, what));
    }
  }
  rd_kafka_assign(client_->get(), nullptr);
  return result;
}

}  // namespace remapd::kafka
