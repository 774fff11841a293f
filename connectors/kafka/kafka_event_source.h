// KafkaEventSource: access events from all partitions of a Kafka topic.
//
// One instance reads all partitions (assign(), no group membership). Where it reads is decided by
// start() alone, so that a checkpoint holds statistics and offsets together; what commit() says
// goes to the consumer group for lag monitoring only. One message is one AccessBatch or JSON
// (connectors/proto/access_batch_codec.h). Within a partition batches come in the order of the
// log; between partitions the order is not defined.
//
//   * A message that cannot be decoded goes to the dead-letter sink with topic, partition, offset
//     and the reason, is counted, and reading goes on. So does a record of a message that has
//     others, with its line.
//   * Partitions added to the topic are found within `metadata_interval` and read from their
//     beginning; so are those that a checkpoint does not know.
//   * An offset that no longer exists (retention, topic deleted and made anew) follows
//     `out_of_range`. Messages skipped are counted as lost events: when the log now begins after
//     the offset, all from it to where reading goes on; when the log now ends before the offset,
//     those of the new log that are not read.
//     (A topic made anew that has grown beyond the offset by then cannot be told from the old one:
//     the client library does not know topic ids.)
//   * A broker that cannot be reached, a topic that does not exist (yet): poll() waits out its
//     timeout and gives a retryable error; librdkafka keeps trying in the background, and reading
//     goes on by itself.
//
// Memory: at most queued.max.messages.kbytes (default here 32 MiB) of fetched messages, and a
// batch. Not thread safe: one caller at a time. librdkafka's threads fetch ahead.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/decode/event_decoder.h"
#include "connectors/kafka/kafka_settings.h"
#include "core/pipeline/dead_letter_sink.h"
#include "core/pipeline/event_source.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::kafka {

enum class StartAt : std::uint8_t { kEarliest, kLatest };
enum class OutOfRange : std::uint8_t { kEarliest, kLatest, kStop };

struct KafkaEventSourceOptions {
  KafkaSettings settings;
  std::string topic;
  std::string group;                   // for commit(); not empty
  StartAt start = StartAt::kEarliest;  // when start() is given no offsets at all
  OutOfRange out_of_range = OutOfRange::kEarliest;
  decode::DecodeOptions decode{};
  std::optional<float> label{};  // of every sample of the topic, whatever its events say
  std::chrono::milliseconds metadata_interval{10'000};  // how often new partitions are looked for
  std::chrono::milliseconds request_timeout{5'000};     // of a request that start() waits for
};

class KafkaEventSource final : public pipeline::EventSource {
 public:
  // Does not need the brokers to be up. kConfig naming the property that librdkafka refuses.
  // `dead_letters` may be null (then they are only counted) and must outlive the source.
  static Result<std::unique_ptr<KafkaEventSource>> create(KafkaEventSourceOptions options,
                                                          pipeline::FeatureSchema schema,
                                                          pipeline::DeadLetterSink* dead_letters);
  ~KafkaEventSource() override;  // waits up to 2 s for commits under way

  // Waits for the brokers' first answer. kUnavailable (also without the right to read) and
  // kNotFound (no such topic), both retryable; kConflict when an offset is out of range and the
  // policy is to stop. May be called again.
  Result<void> start(const pipeline::StreamOffsets& from) override;

  // Errors, besides those above: kConflict when an offset is out of range and the policy is to
  // stop; whatever the dead-letter sink reports, as retryable: that letter was skipped, and the
  // sink counts it.
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch& into,
                                     std::chrono::milliseconds timeout) override;

  pipeline::StreamOffsets offsets() const override;

  // Asynchronous. What went wrong with an earlier commit is returned by the next one (retryable).
  Result<void> commit(const pipeline::StreamOffsets& offsets) override;

  pipeline::SourceCounters counters() const override;

  // What is worth a line in the log since the last call: offsets that were out of range, partitions
  // that appeared or vanished.
  std::vector<std::string> take_notices();

 private:
  class Reader;
  explicit KafkaEventSource(std::unique_ptr<Reader> reader);
  std::unique_ptr<Reader> reader_;
};

}  // namespace remapd::kafka
