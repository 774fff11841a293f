// RecordLog: reads stretches of the mapping topic's partition 0 on demand.
//
// Between two reads nothing is fetched, so that a publisher does not download what it wrote. Not
// thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/kafka_settings.h"
#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::kafka {

// Everything about the mapping topic is in this partition: one order for everybody.
inline constexpr std::uint32_t kMappingPartition = 0;

// Of one request; after it the request is repeated.
inline constexpr std::chrono::milliseconds kAnswerTimeout{5'000};

struct LogRecord {
  std::int64_t offset = 0;
  std::string_view key;
  std::optional<ByteView> value;  // none: a tombstone
};
LogRecord log_record(const rd_kafka_message_t& message);

// The consumer of a mapping topic; reads the end of the log as an event.
ClientRole mapping_reader_role();

class RecordLog {
 public:
  static Result<std::unique_ptr<RecordLog>> create(const KafkaSettings& settings, std::string topic,
                                                   std::chrono::milliseconds timeout);

  // kUnavailable and kNotFound, retryable.
  Result<Watermarks> range();

  // Hands out the records there are at offsets from .. to - 1, in order; batches that are damaged
  // in the broker's log are passed over. kUnavailable (retryable) when nothing comes for `timeout`.
  Result<void> read(std::int64_t from, std::int64_t to,
                    const std::function<void(const LogRecord&)>& visit);

  // What was passed over last, in words; empty: nothing.
  const std::string& damage() const { return damage_; }

 private:
  RecordLog(std::unique_ptr<KafkaClient> client, std::string topic,
            std::chrono::milliseconds timeout);
  Result<void> fetch_from(std::int64_t offset);

  std::unique_ptr<KafkaClient> client_;
  std::string topic_;
  std::chrono::milliseconds timeout_;
  std::string damage_;
};

}  // namespace remapd::kafka
