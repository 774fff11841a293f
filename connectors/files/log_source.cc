#include "connectors/files/log_source.h"

#include <utility>

#include <fmt/format.h>

#include "connectors/files/log_paths.h"
#include "core/base/check.h"

namespace remapd::files {

using pipeline::PollOutcome;

LogSource::LogSource(LogFileOptions options, pipeline::FeatureSchema schema,
                     pipeline::DeadLetterSink* dead_letters,
                     std::vector<std::filesystem::path> files)
    : options_(std::move(options)),
      schema_(std::move(schema)),
      dead_letters_(dead_letters),
      files_(std::move(files)) {}

Result<std::unique_ptr<LogSource>> LogSource::create(LogFileOptions options,
                                                     pipeline::FeatureSchema schema,
                                                     pipeline::DeadLetterSink* dead_letters) {
  auto files = log_paths(options.path);
  if (!files) return fail(std::move(files).error());
  std::unique_ptr<LogSource> source(
      new LogSource(std::move(options), std::move(schema), dead_letters, std::move(*files)));
  for (std::size_t file = source->files_.size(); file-- > 0;) {
    auto opened = source->open(file);
    if (!opened) return fail(std::move(opened).error());
    source->source_ = std::move(*opened);
  }
  return source;
}

Result<std::unique_ptr<LogFileSource>> LogSource::open(std::size_t file) const {
  LogFileOptions options = options_;
  options.path = files_[file];
  return LogFileSource::create(std::move(options), schema_, dead_letters_);
}

Result<void> LogSource::go_on(std::size_t file, std::int64_t record) {
  auto opened = open(file);
  if (!opened) return fail(std::move(opened).error());
  if (auto started = (*opened)->start({{.partition = 0, .next_offset = record}}); !started) {
    return started;
  }
  source_ = std::move(*opened);
  return {};
}

Result<void> LogSource::start(const pipeline::StreamOffsets& from) {
  ends_.clear();
  counters_ = {};
  if (from.empty()) return go_on(0, 0);
  const pipeline::PartitionOffset& last = from.back();
  if (last.partition >= files_.size()) {
    return fail(ErrorCode::kConflict,
                fmt::format("{}: reading shall go on in file {} of the log, which has only {}: the "
                            "checkpoint belongs to another input",
                            options_.path.string(), last.partition + 1, files_.size()));
  }
  ends_.resize(last.partition, 0);
  for (const pipeline::PartitionOffset& position : from) {
    if (position.partition < ends_.size()) ends_[position.partition] = position.next_offset;
  }
  return go_on(last.partition, last.next_offset);
}

Result<PollOutcome> LogSource::poll(pipeline::EventBatch& into, std::chrono::milliseconds timeout) {
  for (;;) {
    const auto outcome = source_->poll(into, timeout);
    into.position.partition = static_cast<std::uint32_t>(ends_.size());
    const bool was_last = ends_.size() + 1 == files_.size();
    if (!outcome || *outcome != PollOutcome::kEnd || was_last) return outcome;
    const std::int64_t end = source_->offsets().front().next_offset;
    const pipeline::SourceCounters done = counters();
    if (auto next = go_on(ends_.size() + 1, 0); !next) return fail(std::move(next).error());
    ends_.push_back(end);
    counters_ = done;
  }
}

pipeline::StreamOffsets LogSource::offsets() const {
  pipeline::StreamOffsets offsets;
  for (std::uint32_t file = 0; file < ends_.size(); ++file) offsets.push_back({file, ends_[file]});
  offsets.push_back(
      {static_cast<std::uint32_t>(ends_.size()), source_->offsets().front().next_offset});
  return offsets;
}

Result<void> LogSource::commit(const pipeline::StreamOffsets&) {
  return {};
}

pipeline::SourceCounters LogSource::counters() const {
  pipeline::SourceCounters sum = source_->counters();
  sum.messages += counters_.messages;
  sum.bytes += counters_.bytes;
  sum.dead_letters += counters_.dead_letters;
  sum.unknown_features += counters_.unknown_features;
  return sum;
}

}  // namespace remapd::files
