// LogFileSource: a recorded event log as an EventSource.
//
// Format: gzip or plain tab-separated values with a header line (tsv_decoder.h).
//
// One partition, 0. The offset of a record is its line index: the header is line 0, the first row
// record 1. Blank lines are passed over. A row that cannot be read is counted, handed to the
// dead-letter sink with its line number (the first line of the file is 1) and the reason, and
// skipped; it never stops the stream.
//
// Errors of poll(): kCorrupt when compressed data is damaged or cut off (after everything intact
// before it has been returned), kIo, and whatever the dead-letter sink reports: that one leaves the
// source usable, and the batch at hand is returned first.
//
// Not thread safe. Memory: one batch, and a line of at most max_line_bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "connectors/files/line_reader.h"
#include "connectors/files/tsv_decoder.h"
#include "core/pipeline/dead_letter_sink.h"
#include "core/pipeline/event_source.h"

namespace remapd::files {

struct LogFileOptions {
  std::filesystem::path path;
  std::size_t batch_samples = 1024;                    // samples in a batch, > 0
  std::size_t max_line_bytes = std::size_t{16} << 20;  // longer ones are dead letters; > 0
  TsvOptions tsv{};
};

class LogFileSource final : public pipeline::EventSource {
 public:
  // Opens the log and resolves its columns, so that a wrong path or feature name is found at once:
  // kNotFound, kIo, kConfig (names the missing column and those the log has), kCorrupt.
  // `dead_letters` may be null (bad rows are then only counted) and must outlive the source.
  static Result<std::unique_ptr<LogFileSource>> create(LogFileOptions options,
                                                       pipeline::FeatureSchema schema,
                                                       pipeline::DeadLetterSink* dead_letters);

  // Reads from the beginning, or passes over the records before `from`. kConflict when `from` does
  // not fit this log: another partition than 0, or an offset beyond its end. May be called again.
  Result<void> start(const pipeline::StreamOffsets& from) override;

  // A file never idles, except that a long stretch of unreadable rows is cut off at `timeout`.
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch& into,
                                     std::chrono::milliseconds timeout) override;

  pipeline::StreamOffsets offsets() const override;
  Result<void> commit(const pipeline::StreamOffsets& offsets) override;  // nothing to tell anyone
  // `messages` are rows; `unknown_features` are the columns of the file that are not used.
  pipeline::SourceCounters counters() const override { return counters_; }

 private:
  LogFileSource(LogFileOptions options, pipeline::FeatureSchema schema,
                pipeline::DeadLetterSink* dead_letters);
  Result<void> open();
  void reject(std::string_view row, std::string reason);

  LogFileOptions options_;
  pipeline::FeatureSchema schema_;
  pipeline::DeadLetterSink* dead_letters_;
  std::optional<LineReader> lines_;
  std::optional<TsvDecoder> decoder_;
  std::optional<Error> failed_;       // the stream's; stays
  std::optional<Error> sink_failed_;  // the dead-letter sink's; told once
  pipeline::SourceCounters counters_;
};

}  // namespace remapd::files
