// Port: where access events come from. Implemented by the Kafka consumer and the log file reader.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/pipeline/event_batch.h"

namespace remapd::pipeline {

enum class PollOutcome {
  kBatch,  // `into` holds a batch
  kIdle,   // nothing arrived within the timeout
  kEnd,    // a finite source has been read to its end
};

// The next offset to read of each partition; part of every checkpoint.
struct PartitionOffset {
  std::uint32_t partition = 0;
  std::int64_t next_offset = 0;

  friend bool operator==(const PartitionOffset&, const PartitionOffset&) = default;
};
using StreamOffsets = std::vector<PartitionOffset>;  // ascending by partition

// How many messages of a partition are not read yet.
struct PartitionLag {
  std::uint32_t partition = 0;
  std::uint64_t messages = 0;

  friend bool operator==(const PartitionLag&, const PartitionLag&) = default;
};

// Connection statistics of a source that reads from brokers.
struct BrokerStatistics {
  std::uint32_t brokers = 0;     // known
  std::uint32_t brokers_up = 0;  // connected
  std::uint64_t requests = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t responses = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t queued_messages = 0;  // fetched and not read yet
  std::uint64_t queued_bytes = 0;
  double round_trip_seconds = 0;  // average of the slowest broker in the last statistics interval
};

struct SourceCounters {
  std::uint64_t messages = 0;  // read, good or bad
  std::uint64_t bytes = 0;
  std::uint64_t dead_letters = 0;      // could not be decoded; handed to the dead-letter sink
  std::uint64_t unknown_features = 0;  // columns of features the schema does not have
  std::uint64_t lost_events = 0;       // messages skipped because their offsets no longer exist
  std::vector<PartitionLag> lag;       // ascending; only of partitions whose end is known
  std::optional<BrokerStatistics> brokers;
};

// One caller at a time. poll() passes messages that cannot be decoded to the dead-letter sink and
// skips them; they are no error of the source.
class EventSource {
 public:
  virtual ~EventSource() = default;

  // Starts reading at `from`; if it is empty, where the configuration says. Partitions that a
  // non-empty `from` does not name are read from their beginning.
  virtual Result<void> start(const StreamOffsets& from) = 0;

  // Waits at most `timeout` for a batch. A retryable error leaves the source usable; others end it.
  virtual Result<PollOutcome> poll(EventBatch& into, std::chrono::milliseconds timeout) = 0;

  // The position after everything poll() has returned so far.
  virtual StreamOffsets offsets() const = 0;

  // Publishes the offsets of a durable checkpoint, for lag monitoring only.
  virtual Result<void> commit(const StreamOffsets& offsets) = 0;

  virtual SourceCounters counters() const = 0;
};

}  // namespace remapd::pipeline
