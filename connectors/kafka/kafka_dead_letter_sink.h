// KafkaDeadLetterSink: messages that cannot be read, on a Kafka topic of their own.
//
// A letter's value is the payload as it came (cut at max_payload_bytes), its key
// "<origin>/<partition>/<offset>", or "<origin>/<partition>/<offset>/<line>" of a record of a
// message that has others, and its headers tell, as text:
//   remapd.reason  remapd.topic  remapd.partition  remapd.offset  remapd.line (if of a record)
//   remapd.payload_bytes (the whole)  remapd.time_ms (Unix milliseconds)
//
// Letters wait in a queue of at most max_queued_bytes until all in-sync replicas have them
// (acks=all), however long the brokers are away. When the queue is full accept() waits at most
// `patience`, then refuses; what is refused or turned down by the broker for good is counted, and
// reported by the next flush(). Nothing is lost without being counted.
//
// Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "connectors/kafka/kafka_settings.h"
#include "core/pipeline/dead_letter_sink.h"

namespace remapd::kafka {

struct KafkaDeadLetterSinkOptions {
  KafkaSettings settings;
  std::string topic;
  std::size_t max_payload_bytes = std::size_t{900} << 10;
  std::size_t max_queued_bytes = std::size_t{16} << 20;
  std::chrono::milliseconds patience{1'000};       // of accept(), with a full queue
  std::chrono::milliseconds flush_timeout{5'000};  // of flush()
};

struct KafkaDeadLetterCounters {
  std::uint64_t accepted = 0;
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;      // by accept(): lost
  std::uint64_t undelivered = 0;  // turned down by the broker: lost
};

class KafkaDeadLetterSink final : public pipeline::DeadLetterSink {
 public:
  // Does not need the brokers to be up. kConfig naming the property that librdkafka refuses.
  static Result<std::unique_ptr<KafkaDeadLetterSink>> create(KafkaDeadLetterSinkOptions options);
  ~KafkaDeadLetterSink() override;  // flushes

  // kResource: the queue is full; this letter is lost.
  Result<void> accept(const pipeline::DeadLetter& letter) override;
  // kUnavailable (retryable): letters still wait, and are kept. kIo: some were turned down for good
  // since the last flush, with the broker's words.
  Result<void> flush() override;

  const KafkaDeadLetterCounters& counters() const;

 private:
  class Producer;
  explicit KafkaDeadLetterSink(std::unique_ptr<Producer> producer);
  std::unique_ptr<Producer> producer_;
};

}  // namespace remapd::kafka
