#include "connectors/kafka/kafka_topics_source.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"

namespace remapd::kafka {

using pipeline::PollOutcome;
using pipeline::StreamOffsets;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// How long one topic without events keeps the others waiting.
constexpr milliseconds kTurn{5};

// What offsets of all topics say of one.
StreamOffsets of_topic(const StreamOffsets& offsets, std::size_t topic) {
  StreamOffsets own;
  for (const pipeline::PartitionOffset& position : offsets) {
    if (position.partition / kPartitionsOfATopic != topic) continue;
    own.push_back({position.partition % kPartitionsOfATopic, position.next_offset});
  }
  return own;
}

std::uint32_t first_partition(std::size_t topic) {
  return static_cast<std::uint32_t>(topic) * kPartitionsOfATopic;
}

}  // namespace

KafkaTopicsSource::KafkaTopicsSource(std::vector<std::unique_ptr<KafkaEventSource>> sources)
    : sources_(std::move(sources)) {
  REMAPD_CHECK(!sources_.empty(), "there is a topic to read");
}

Result<void> KafkaTopicsSource::start(const StreamOffsets& from) {
  if (!from.empty() && from.back().partition / kPartitionsOfATopic >= sources_.size()) {
    return fail(ErrorCode::kConflict,
                fmt::format("reading shall go on in topic {} of source.kafka, which has {}: the "
                            "checkpoint belongs to another list of topics",
                            from.back().partition / kPartitionsOfATopic + 1, sources_.size()));
  }
  for (std::size_t topic = 0; topic < sources_.size(); ++topic) {
    StreamOffsets own = of_topic(from, topic);
    // One that the checkpoint does not know is read from its beginning, as a new partition is.
    if (!from.empty() && own.empty()) own.push_back({});
    if (auto started = sources_[topic]->start(own); !started) return started;
  }
  return {};
}

Result<PollOutcome> KafkaTopicsSource::poll(pipeline::EventBatch& into, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  do {
    const std::size_t topic = turn_;
    turn_ = (turn_ + 1) % sources_.size();
    auto outcome = sources_[topic]->poll(into, std::min(timeout, kTurn));
    if (!outcome) return outcome;
    if (*outcome == PollOutcome::kIdle) continue;
    into.position.partition += first_partition(topic);
    return outcome;
  } while (steady_clock::now() < deadline);
  return PollOutcome::kIdle;
}

StreamOffsets KafkaTopicsSource::offsets() const {
  StreamOffsets all;
  for (std::size_t topic = 0; topic < sources_.size(); ++topic) {
    for (const pipeline::PartitionOffset& position : sources_[topic]->offsets()) {
      all.push_back({first_partition(topic) + position.partition, position.next_offset});
    }
  }
  return all;
}

Result<void> KafkaTopicsSource::commit(const StreamOffsets& offsets) {
  for (std::size_t topic = 0; topic < sources_.size(); ++topic) {
    if (auto committed = sources_[topic]->commit(of_topic(offsets, topic)); !committed) {
      return committed;
    }
  }
  return {};
}

pipeline::SourceCounters KafkaTopicsSource::counters() const {
  pipeline::SourceCounters sum = sources_.front()->counters();
  for (std::size_t topic = 1; topic < sources_.size(); ++topic) {
    const pipeline::SourceCounters one = sources_[topic]->counters();
    sum.messages += one.messages;
    sum.bytes += one.bytes;
    sum.dead_letters += one.dead_letters;
    sum.unknown_features += one.unknown_features;
    sum.lost_events += one.lost_events;
    for (const pipeline::PartitionLag& lag : one.lag) {
      sum.lag.push_back({first_partition(topic) + lag.partition, lag.messages});
    }
  }
  return sum;
}

std::vector<std::string> KafkaTopicsSource::take_notices() {
  std::vector<std::string> all;
  for (const auto& source : sources_) {
    auto notices = source->take_notices();
    std::move(notices.begin(), notices.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace remapd::kafka
