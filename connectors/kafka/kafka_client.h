// RAII handles of librdkafka's C API, and a client made from KafkaSettings. For the sources of this
// directory only: nothing outside includes librdkafka's headers.
//
// Not thread safe, except where librdkafka calls back from its own threads: only the log callback.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "connectors/kafka/kafka_settings.h"
#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::kafka {

template <auto kDestroy>
struct Destroyer {
  template <class T>
  void operator()(T* handle) const {
    kDestroy(handle);
  }
};
using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Destroyer<&rd_kafka_conf_destroy>>;
using MessageHandle = std::unique_ptr<rd_kafka_message_t, Destroyer<&rd_kafka_message_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Destroyer<&rd_kafka_topic_destroy>>;
using PartitionListHandle = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                            Destroyer<&rd_kafka_topic_partition_list_destroy>>;
using MetadataHandle =
    std::unique_ptr<const struct rd_kafka_metadata, Destroyer<&rd_kafka_metadata_destroy>>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Destroyer<&rd_kafka_error_destroy>>;

struct Watermarks {
  std::int64_t low = 0;   // the oldest offset there is
  std::int64_t high = 0;  // the next one to be written
};

// What a client is made for: settings it brings along, and callbacks, which are called from within
// poll() and consume() on the caller's thread.
struct ClientRole {
  rd_kafka_type_t type = RD_KAFKA_PRODUCER;
  Properties defaults;
  std::vector<FixedProperty> fixed;
  // Of each message produced, once: delivered, or failed for good.
  std::function<void(const rd_kafka_message_t&)> on_delivery;
  // Of each asynchronous commit.
  std::function<void(rd_kafka_resp_err_t)> on_commit;
  // Of what librdkafka tells of itself, every statistics.interval.ms.
  std::function<void(std::string_view json)> on_statistics;
  // The client shares its properties with one of the other type: those of the other type are no
  // reason for a warning.
  bool shares_properties = false;
};

class KafkaClient {
 public:
  // kConfig naming the key whose property librdkafka refuses.
  static Result<std::unique_ptr<KafkaClient>> create(const KafkaSettings& settings,
                                                     ClientRole role);
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  rd_kafka_t* get() const { return handle_; }

  // Serves callbacks, waiting at most `timeout` for one.
  void poll(std::chrono::milliseconds timeout);
  // The next message or error of an assigned partition; null after `timeout`.
  MessageHandle consume(std::chrono::milliseconds timeout);

  // kNotFound (retryable) when the topic does not exist; kUnavailable (retryable).
  Result<std::uint32_t> partition_count(const std::string& topic,
                                        std::chrono::milliseconds timeout);
  // Where the logs of partitions 0 .. count - 1 begin, or end (the next offset to be written).
  // kUnavailable, kNotFound; retryable.
  enum class LogEnd { kBeginning, kEnd };
  Result<std::vector<std::int64_t>> log_ends(const std::string& topic, std::uint32_t count,
                                             LogEnd which, std::chrono::milliseconds timeout);
  // Both, of one partition.
  Result<Watermarks> watermarks(const std::string& topic, std::uint32_t partition,
                                std::chrono::milliseconds timeout);

  // The cluster as a whole cannot be used: no broker is reachable, or all refuse us. Stays until
  // clear_trouble().
  const std::optional<Error>& trouble() const { return trouble_; }
  void clear_trouble() { trouble_.reset(); }

 private:
  // Fills in the offsets of the list.
  Result<void> query(rd_kafka_topic_partition_list_t& partitions, LogEnd which,
                     std::chrono::milliseconds timeout);
  KafkaClient(LogCallback log, ClientRole role, std::string brokers);
  static void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text);
  static void on_error(rd_kafka_t* client, int code, const char* reason, void* self);
  static void on_delivery_report(rd_kafka_t* client, const rd_kafka_message_t* message, void* self);
  static int on_stats(rd_kafka_t* client, char* json, std::size_t size, void* self);
  static void on_offset_commit(rd_kafka_t* client, rd_kafka_resp_err_t code,
                               rd_kafka_topic_partition_list_t* offsets, void* self);

  LogCallback log_;
  ClientRole role_;
  std::string brokers_;
  std::optional<Error> trouble_;
  rd_kafka_t* handle_ = nullptr;
};

// What librdkafka or a broker said, as an Error: which kind, in words, and whether waiting helps.
Error to_error(rd_kafka_resp_err_t code, std::string_view what);
Error no_such_topic(std::string_view topic);

// [topic, partition, offset].
PartitionListHandle one_partition(const std::string& topic, std::uint32_t partition,
                                  std::int64_t offset);

inline ByteView payload_of(const rd_kafka_message_t& message) {
  return {static_cast<const std::byte*>(message.payload), message.len};
}
inline std::string_view key_of(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.key), message.key_len};
}

// Milliseconds left until `deadline`, 0 when it has passed.
std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point deadline);

}  // namespace remapd::kafka
