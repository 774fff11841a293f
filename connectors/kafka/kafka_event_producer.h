// KafkaEventProducer: access events to a topic.
//
// Sends at most `messages_per_second` (steadily: the gaps are even, a late message is made up for),
// from a queue of bounded size: send() waits while it is full. Messages go to the partitions in
// turn, so that one producer's order is kept on a topic of one partition; partitions that are added
// are used after ten seconds.
//
// A message is kept until the brokers have acknowledged it. Brokers that stall or restart, a topic
// that is made anew, rights that are missing for a while and fatal errors of librdkafka (whose
// handle is replaced then) cost time and no message. What was under way when that happened may
// arrive twice. Only what can never be delivered, such as a message that is too large, is given up
// and counted as failed; so is, uncounted, what waits when the producer is destroyed: flush()
// first.
//
// Not thread safe. Callbacks are served by every call; call poll() when there is nothing to send.
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
  std::string producer = "remapd";                       // AccessBatch.producer
  double messages_per_second = 0;                        // 0: as fast as the brokers take them
  std::size_t max_queued_bytes = std::size_t{64} << 20;  // of payloads not acknowledged yet
  std::chrono::milliseconds timeout{30'000};             // for room in the queue, and of flush()
};

struct KafkaProducerCounters {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0;        // will not be delivered
  std::uint64_t bytes = 0;         // of payloads sent
  std::uint64_t queued_bytes = 0;  // of payloads not delivered yet
  std::uint64_t sent_again = 0;    // messages that were refused or left behind for a while
  std::uint64_t renewals = 0;      // of librdkafka's handle, after a fatal error
};

class KafkaEventProducer {
 public:
  // Asks the brokers for the topic's partitions: kUnavailable and kNotFound, both retryable.
  static Result<std::unique_ptr<KafkaEventProducer>> create(KafkaEventProducerOptions options);
  ~KafkaEventProducer();  // what is still queued is dropped: flush() first

  Result<void> send(const pipeline::EventBatch& batch, const pipeline::FeatureSchema& schema);
  // Any payload, also one that is no AccessBatch. `partition`: none: the next in turn. kResource
  // (retryable) when the queue stays full; kConfig when the payload is too large for a message.
  // Neither counts as sent.
  Result<void> send(ByteView payload, std::optional<std::uint32_t> partition = std::nullopt);

  // Waits until everything sent is delivered. kUnavailable: the timeout passed; kIo: some messages
  // failed since the last flush(), with how many and the reason of the last.
  Result<void> flush();

  // Waits at most `timeout` for an answer of the brokers, and sends what could not be sent before.
  void poll(std::chrono::milliseconds timeout);

  const KafkaProducerCounters& counters() const;
  // Why messages wait or have failed, in words; empty: nothing went wrong yet.
  const std::string& last_problem() const;

 private:
  class Sender;
  explicit KafkaEventProducer(std::unique_ptr<Sender> sender);
  std::unique_ptr<Sender> sender_;
};

}  // namespace remapd::kafka
