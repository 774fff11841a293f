#include "connectors/files/log_reader.h"

#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"

namespace remapd::files {

using pipeline::EventBatch;
using pipeline::PollOutcome;
using pipeline::StreamOffsets;

LogFileSource::LogFileSource(LogFileOptions options, pipeline::FeatureSchema schema,
                             pipeline::DeadLetterSink* dead_letters)
    : options_(std::move(options)), schema_(std::move(schema)), dead_letters_(dead_letters) {}

Result<std::unique_ptr<LogFileSource>> LogFileSource::create(
    LogFileOptions options, pipeline::FeatureSchema schema,
    pipeline::DeadLetterSink* dead_letters) {
  REMAPD_CHECK(options.batch_samples > 0 && options.max_line_bytes > 0, "sizes are positive");
  std::unique_ptr<LogFileSource> source(
      new LogFileSource(std::move(options), std::move(schema), dead_letters));
  if (auto opened = source->open(); !opened) return fail(opened.error());
  source->counters_.unknown_features = source->decoder_->ignored_columns();
  return source;
}

Result<void> LogFileSource::open() {
  auto stream = InputStream::open(options_.path);
  if (!stream) return fail(stream.error());
  lines_.emplace(std::move(*stream), options_.max_line_bytes);
  std::string_view header;
  const auto outcome = lines_->next(header);
  if (!outcome) return fail(outcome.error());
  const std::string where = options_.path.string();
  if (*outcome == LineReader::Outcome::kEnd) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: the file is empty; its first line must name the columns", where));
  }
  if (*outcome == LineReader::Outcome::kTooLong) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: the first line has {} bytes, more than the {} a line may have; "
                            "is this a text file?",
                            where, lines_->line_bytes(), options_.max_line_bytes));
  }
  auto decoder = TsvDecoder::create(header, schema_, options_.tsv);
  if (!decoder) return fail(std::move(decoder.error()).with_context(where));
  decoder_ = std::move(*decoder);
  failed_.reset();
  return {};
}

Result<void> LogFileSource::start(const StreamOffsets& from) {
  std::int64_t next = 0;
  for (const pipeline::PartitionOffset& position : from) {
    if (position.partition != 0) {
      return fail(ErrorCode::kConflict,
                  fmt::format("{}: a log file has one partition, 0, but reading shall go on in "
                              "partition {}: the checkpoint belongs to another input",
                              options_.path.string(), position.partition));
    }
    next = position.next_offset;
  }
  if (auto opened = open(); !opened) return opened;
  while (static_cast<std::int64_t>(lines_->lines()) < next) {
    std::string_view row;
    const auto outcome = lines_->next(row);
    if (!outcome) return fail(outcome.error());
    if (*outcome == LineReader::Outcome::kEnd) {
      return fail(ErrorCode::kConflict,
                  fmt::format("{}: reading shall go on at line {} but the log has only {}: it is "
                              "not the log the checkpoint was made from",
                              options_.path.string(), next + 1, lines_->lines()));
    }
  }
  return {};
}

void LogFileSource::reject(std::string_view row, std::string reason) {
  ++counters_.dead_letters;
  if (dead_letters_ == nullptr) return;
  const auto accepted =
      dead_letters_->accept({.payload = as_bytes(row),
                             .reason = std::move(reason),
                             .origin = options_.path.string(),
                             .partition = 0,
                             .offset = static_cast<std::int64_t>(lines_->lines())});
  if (!accepted && !sink_failed_) sink_failed_ = accepted.error();
}

Result<PollOutcome> LogFileSource::poll(EventBatch& into, std::chrono::milliseconds timeout) {
  decoder_->begin(into);
  if (sink_failed_) return fail(*std::exchange(sink_failed_, std::nullopt));
  if (failed_) return fail(*failed_);

  constexpr std::size_t kRejectsPerClockLook = 1024;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::size_t samples = 0;
  std::size_t rejects = 0;
  bool ended = false;
  into.position.offset = static_cast<std::int64_t>(lines_->lines());
  while (samples < options_.batch_samples) {
    std::string_view row;
    const auto outcome = lines_->next(row);
    if (!outcome) {
      failed_ = outcome.error();
      break;
    }
    if (*outcome == LineReader::Outcome::kEnd) {
      ended = true;
      break;
    }
    if (lines_->line_bytes() == 0) continue;
    ++counters_.messages;
    counters_.bytes += lines_->line_bytes();
    if (*outcome == LineReader::Outcome::kLine && decoder_->append(row, into)) {
      ++samples;
      continue;
    }
    reject(row, *outcome == LineReader::Outcome::kLine
                    ? decoder_->reason()
                    : fmt::format("the line has {} bytes, more than the {} a line may have; its "
                                  "first {} are kept here",
                                  lines_->line_bytes(), options_.max_line_bytes, row.size()));
    if (++rejects % kRejectsPerClockLook == 0 && std::chrono::steady_clock::now() >= deadline) {
      break;
    }
  }
  into.seal(samples);
  into.position.next_offset = static_cast<std::int64_t>(lines_->lines());
  if (samples > 0) return PollOutcome::kBatch;
  if (sink_failed_) return fail(*std::exchange(sink_failed_, std::nullopt));
  if (failed_) return fail(*failed_);
  return ended ? PollOutcome::kEnd : PollOutcome::kIdle;
}

StreamOffsets LogFileSource::offsets() const {
  return {{.partition = 0, .next_offset = static_cast<std::int64_t>(lines_->lines())}};
}

Result<void> LogFileSource::commit(const StreamOffsets&) {
  return {};
}

}  // namespace remapd::files
