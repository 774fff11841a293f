// KafkaTopicsSource: several topics as one stream, each read by a KafkaEventSource of its own.
//
// Partitions are numbered kPartitionsOfATopic * (place of the topic in the list) + partition, so a
// checkpoint belongs to the list in its order: a topic may be added at the end. Topics take turns;
// between them the order is not defined. Where one has trouble its error is told, and the others
// are read on.
//
// Not thread safe. Memory: that of the sources.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/kafka_event_source.h"

namespace remapd::kafka {

inline constexpr std::uint32_t kPartitionsOfATopic = 1U << 16;

class KafkaTopicsSource final : public pipeline::EventSource {
 public:
  // At least one source, in the order of the topics.
  explicit KafkaTopicsSource(std::vector<std::unique_ptr<KafkaEventSource>> sources);

  // kConflict, besides KafkaEventSource's: `from` names more topics than there are.
  Result<void> start(const pipeline::StreamOffsets& from) override;
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch& into,
                                     std::chrono::milliseconds timeout) override;
  pipeline::StreamOffsets offsets() const override;
  Result<void> commit(const pipeline::StreamOffsets& offsets) override;
  // Brokers' statistics are those of the first topic's connections.
  pipeline::SourceCounters counters() const override;
  std::vector<std::string> take_notices();

 private:
  std::vector<std::unique_ptr<KafkaEventSource>> sources_;
  std::size_t turn_ = 0;
};

}  // namespace remapd::kafka
