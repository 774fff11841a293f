// KafkaEventProducer: access events to a topic, for the generator, the demonstration and
// measurements.
//
// Sends at most `messages_per_second` (steadily: the gaps are even, a late message is made up for),
// from a queue of bounded size: send() waits while it is full. Messages go to the partitions in
// turn, so that one producer's order is kept on a topic of one partition.
//
// Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "connectors/kafka/kafka_settings.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::kafka {

struct KafkaEventProducerOptions {
  KafkaSettings settings;
  std::string topic;
  std::string producer = "remapd";  // AccessBatch.producer
  double messages_per_second = 0;   // 0: as fast as the brokers take them
  std::size_t max_queued_bytes = std::size_t{64} << 20;
  std::chrono::milliseconds timeout{30'000};  // for room in the queue, and of flush()
};

struct KafkaProducerCounters {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0;  // will not be delivered
  std::uint64_t bytes = 0;   // of payloads sent
};

class KafkaEventProducer {
 public:
  // Asks the brokers for the topic's partitions: kUnavailable and kNotFound, both retryable.
  static Result<std::unique_ptr<KafkaEventProducer>> create(KafkaEventProducerOptions options);
  ~KafkaEventProducer();  // what is still queued is dropped: flush() first

  Result<void> send(const pipeline::EventBatch& batch, const pipeline::FeatureSchema& schema);
  // Any payload, also one that is no AccessBatch. `partition`: none: the next in turn.
  // kUnavailable (retryable) when the queue stays full.
  Result<void> send(ByteView payload, std::optional<std::uint32_t> partition = std::nullopt);

  // Waits until everything sent is delivered. kUnavailable: the timeout passed; kIo: some messages
  // failed, with how many and the reason of the last.
  Result<void> flush();

  std::uint32_t partitions() const;
  const KafkaProducerCounters& counters() const;

 private:
  class Sender;
  explicit KafkaEventProducer(std::unique_ptr<Sender> sender);
  std::unique_ptr<Sender> sender_;
};

}  // namespace remapd::kafka
