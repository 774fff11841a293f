#include "daemon/cli/log_feed.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "daemon/application/problems.h"
#include "daemon/cli/format.h"
#include "daemon/cli/progress.h"

namespace remapd::cli {
namespace {

constexpr std::size_t kNotes = 3;

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

// How many bytes a plain log has; 0 for a compressed one, whose end cannot be seen coming.
std::uint64_t readable_bytes(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error || path.extension() == ".gz" || path.extension() == ".zst" ? 0 : size;
}

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
                             Console& console,
                             const std::function<void(const pipeline::EventBatch&)>& take,
                             std::uint64_t at_most) {
  FeedCounts counts;
  for (std::uint32_t f = 0; f < schema.size(); ++f) {
    counts.features.push_back({.name = schema.feature(FeatureIndex{f}).name});
  }
  Rejects rejects(counts);
  pipeline::EventBatch batch;
  for (const std::string& log : logs) {
    options.path = log;
    auto source = files::LogFileSource::create(options, schema, &rejects);
    if (!source) return fail(std::move(source).error());
    if (auto started = (*source)->start({}); !started) return fail(std::move(started).error());
    const std::uint64_t size = readable_bytes(log);
    Progress progress(console, fmt::format("{} {}", what, log));
    while (counts.samples < at_most) {
      const auto outcome = (*source)->poll(batch, std::chrono::seconds(1));
      if (!outcome) return fail(outcome.error());
      if (*outcome == pipeline::PollOutcome::kEnd) break;
      if (*outcome == pipeline::PollOutcome::kIdle) continue;
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

}  // namespace remapd::cli
