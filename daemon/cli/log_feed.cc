#include "daemon/cli/log_feed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "connectors/files/log_source.h"
#include "daemon/application/kafka_ports.h"
#include "daemon/application/ports.h"
#include "daemon/application/problems.h"
#include "daemon/cli/format.h"
#include "daemon/cli/progress.h"
#include "daemon/logging/logger.h"

namespace remapd::cli {
namespace {

using pipeline::PollOutcome;

constexpr std::size_t kNotes = 3;
constexpr std::chrono::milliseconds kPoll{200};
constexpr std::chrono::seconds kPatience{20};    // with brokers that give nothing
constexpr std::uint64_t kPollsPerLook = 10'000;  // whether the end is reached

// Counts what cannot be read and keeps a note of the first few.
class Rejects final : public pipeline::DeadLetterSink {
 public:
  explicit Rejects(FeedCounts& counts) : counts_(counts) {}

  Result<void> accept(const pipeline::DeadLetter& letter) override {
    ++counts_.rejected;
    if (counts_.reject_notes.size() < kNotes) {
      counts_.reject_notes.push_back(
          fmt::format("{}:{}: {}", letter.origin, letter.offset, letter.reason));
    }
    return {};
  }
  Result<void> flush() override { return {}; }

 private:
  FeedCounts& counts_;
};

// How many bytes plain files have; 0 if one is compressed: its end cannot be seen coming.
std::uint64_t readable_bytes(const std::vector<std::filesystem::path>& files) {
  std::uint64_t sum = 0;
  for (const std::filesystem::path& path : files) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error || path.extension() == ".gz" || path.extension() == ".zst") return 0;
    sum += size;
  }
  return sum;
}

FeedCounts counts_of(const pipeline::FeatureSchema& schema) {
  FeedCounts counts;
  for (std::uint32_t f = 0; f < schema.size(); ++f) {
    counts.features.push_back({.name = schema.feature(FeatureIndex{f}).name});
  }
  return counts;
}

// Where the partitions of a source ended when this was first known.
class TopicEnds {
 public:
  // Whether all of them have been read to there.
  bool reached(const pipeline::EventSource& source) {
    const pipeline::StreamOffsets offsets = source.offsets();
    for (const pipeline::PartitionLag& lag : source.counters().lag) {
      const auto at = std::find_if(offsets.begin(), offsets.end(), [&](const auto& position) {
        return position.partition == lag.partition;
      });
      if (at == offsets.end()) continue;
      ends_.try_emplace(lag.partition, at->next_offset + static_cast<std::int64_t>(lag.messages));
    }
    return std::all_of(offsets.begin(), offsets.end(), [&](const auto& position) {
      const auto end = ends_.find(position.partition);
      return end != ends_.end() && position.next_offset >= end->second;
    });
  }

 private:
  std::map<std::uint32_t, std::int64_t> ends_;
};

void count(const pipeline::EventBatch& batch, FeedCounts& counts) {
  counts.samples += batch.samples();
  counts.ids += batch.total_ids();
  for (const float label : batch.labels()) {
    if (std::isnan(label)) continue;
    ++counts.labelled;
    counts.label_sum += label;
  }
  for (std::uint32_t f = 0; f < counts.features.size(); ++f) {
    counts.features[f].ids += batch.values(FeatureIndex{f}).size();
  }
}

}  // namespace

Result<void> check_counts(const FeedCounts& counts, const config::Config& config) {
  const std::string first_reject =
      counts.reject_notes.empty() ? std::string() : ": " + counts.reject_notes.front();
  if (counts.samples == 0) {
    return fail(ErrorCode::kCorrupt, "the logs hold no sample that can be read" + first_reject);
  }
  if (counts.rejected > counts.samples) {
    return fail(ErrorCode::kCorrupt, fmt::format("{} could not be read, and only {} could{}",
                                                 count_of(counts.rejected, "record"),
                                                 count_of(counts.samples, "sample"), first_reject));
  }
  std::string wrong;
  for (const application::Problem& problem :
       application::stream_problems({.samples = counts.samples,
       .features = counts.features,
       .labelled = counts.labelled,
       .label_sum = counts.label_sum,
       .label_wanted_by = application::label_wanted_by(config),
       .unknown_features = counts.unknown_features},
                                    1)) {
    // Of labels that are alike a mapping is made all the same.
    if (problem.code == application::ProblemCode::kLabelsOfOneClass) continue;
    wrong += fmt::format("{}{}: {}; {}", wrong.empty() ? "" : "; ", problem.where, problem.what,
                         problem.advice);
  }
  if (!wrong.empty()) return fail(ErrorCode::kCorrupt, std::move(wrong));
  return {};
}

Result<FeedCounts> feed_logs(const std::vector<std::string>& logs, files::LogFileOptions options,
                             const pipeline::FeatureSchema& schema, std::string_view what,
                             Console& console, const TakeBatch& take, std::uint64_t at_most) {
  FeedCounts counts = counts_of(schema);
  Rejects rejects(counts);
  pipeline::EventBatch batch;
  for (const std::string& log : logs) {
    options.path = log;
    auto source = files::LogSource::create(options, schema, &rejects);
    if (!source) return fail(std::move(source).error());
    if (auto started = (*source)->start({}); !started) return fail(std::move(started).error());
    const std::uint64_t size = readable_bytes((*source)->files());
    Progress progress(console, fmt::format("{} {}", what, log));
    while (counts.samples < at_most) {
      const auto outcome = (*source)->poll(batch, std::chrono::seconds(1));
      if (!outcome) return fail(outcome.error());
      if (*outcome == PollOutcome::kEnd) break;
      if (*outcome == PollOutcome::kIdle) continue;
      take(batch);
      count(batch, counts);
      if (!progress.due()) continue;
      const double done =
          size == 0 ? -1
                    : static_cast<double>((*source)->counters().bytes) / static_cast<double>(size);
      progress.update(done, format_count(counts.samples) + " samples");
    }
    counts.unknown_features += (*source)->counters().unknown_features;
  }
  return counts;
}

namespace {

// All that the topics hold when reading begins.
Result<FeedCounts> feed_topics(const config::Config& config, const pipeline::FeatureSchema& schema,
                               std::string_view what, Console& console, const TakeBatch& take,
                               std::uint64_t at_most) {
  FeedCounts counts = counts_of(schema);
  Rejects rejects(counts);
  logging::Logger log({.level = config::LogLevel::kError});
  auto source = application::open_kafka_source(config, schema, &rejects, log);
  if (!source) return fail(std::move(source).error());
  if (auto started = (*source)->start({}); !started) return fail(std::move(started).error());
  Progress progress(console,
                    fmt::format("{} {}", what, config.source.kafka.event_topics().front().name));
  pipeline::EventBatch batch;
  TopicEnds ends;
  auto patience = std::chrono::steady_clock::now() + kPatience;
  for (std::uint64_t polled = 1; counts.samples < at_most; ++polled) {
    const auto outcome = (*source)->poll(batch, kPoll);
    const auto now = std::chrono::steady_clock::now();
    if (!outcome && (!outcome.error().retryable || now > patience)) return fail(outcome.error());
    const bool idle = !outcome || *outcome == PollOutcome::kIdle;
    if (!idle) {
      patience = now + kPatience;
      take(batch);
      count(batch, counts);
      if (progress.due()) progress.update(-1, format_count(counts.samples) + " samples");
    }
    if ((idle || polled % kPollsPerLook == 0) && ends.reached(**source)) break;
    if (idle && now > patience) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("{}: nothing has come for {} s, and its end is not reached: is a "
                              "broker down?",
                              application::stream_name(config), kPatience.count()));
    }
  }
  counts.unknown_features = (*source)->counters().unknown_features;
  return counts;
}

}  // namespace

Result<FeedCounts> feed_events(const std::vector<std::string>& logs, const config::Config& config,
                               const files::LogFileOptions& options,
                               const pipeline::FeatureSchema& schema, std::string_view what,
                               Console& console, const TakeBatch& take, std::uint64_t at_most) {
  if (logs.empty() && config.source.kind == config::SourceKind::kKafka) {
    return feed_topics(config, schema, what, console, take, at_most);
  }
  return feed_logs(logs.empty() ? std::vector{config.source.file.path} : logs, options, schema,
                   what, console, take, at_most);
}

}  // namespace remapd::cli
