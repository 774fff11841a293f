// LogFileSource: a recorded event log as an EventSource.
//
// Formats: tab-separated values, NDJSON, length-delimited protobuf, each plain or gzip; recognised
// by name and content (log_format.h).
//
// One partition, 0. The offset of a record is the number of lines (or, protobuf: messages) before
// it in the file; a header line counts. Blank lines are passed over. A record that cannot be read
// is counted, handed to the dead-letter sink with the reason and its line number (from 1; protobuf:
// its offset), and skipped; it never stops the stream.
//
// Errors of poll(): kCorrupt when compressed data is damaged or cut off, or when protobuf's lengths
// are (after everything before has been returned), kIo, and whatever the dead-letter sink reports:
// that one leaves the source usable, and the batch at hand is returned first.
//
// Not thread safe. Memory: one batch, and a record of at most max_record_bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "connectors/decode/ignored_ids.h"
#include "connectors/files/log_format.h"
#include "connectors/files/log_parser.h"
#include "core/pipeline/dead_letter_sink.h"
#include "core/pipeline/event_source.h"

namespace remapd::files {

struct LogFileOptions {
  std::filesystem::path path;
  std::optional<LogFormat> format{};  // none: recognised
  std::size_t batch_samples = 1024;   // samples in a batch, > 0; a protobuf message is one batch
  std::size_t max_record_bytes = std::size_t{16} << 20;  // longer ones are dead letters; > 0
  // Column names concern tab-separated values only; LabelUse::kIgnore holds for all formats.
  TsvOptions tsv{};
  std::optional<decode::DecodeOptions> records{};  // of json or protobuf; none: remapd's own form
  decode::IgnoredIds ignored{};                    // where `records` does not say it
};

class LogFileSource final : public pipeline::EventSource {
 public:
  // Opens the log and, for tab-separated values, resolves the columns, so that a wrong path or
  // feature name is found at once: kNotFound, kIo, kConfig (names the missing column and those the
  // log has, or says that the format is not recognised), kCorrupt.
  // `dead_letters` may be null (bad records are then only counted) and must outlive the source.
  static Result<std::unique_ptr<LogFileSource>> create(LogFileOptions options,
                                                       pipeline::FeatureSchema schema,
                                                       pipeline::DeadLetterSink* dead_letters);
  ~LogFileSource() override;

  // Reads from the beginning, or passes over the records before `from`. kConflict when `from` does
  // not fit this log: another partition than 0, or an offset beyond its end. May be called again.
  Result<void> start(const pipeline::StreamOffsets& from) override;

  // A file never idles, except that a long stretch of unreadable records is cut off at `timeout`.
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch& into,
                                     std::chrono::milliseconds timeout) override;

  pipeline::StreamOffsets offsets() const override;
  Result<void> commit(const pipeline::StreamOffsets& offsets) override;  // nothing to tell anyone
  // `messages` are records. `unknown_features`: tab-separated values count their unused columns
  // once.
  pipeline::SourceCounters counters() const override;

  LogFormat format() const { return format_; }

 private:
  class Observer;

  LogFileSource(LogFileOptions options, pipeline::FeatureSchema schema, LogFormat format,
                pipeline::DeadLetterSink* dead_letters);
  Result<void> open();

  LogFileOptions options_;
  pipeline::FeatureSchema schema_;
  LogFormat format_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<LogParser> parser_;
  std::optional<Error> failed_;  // the stream's; stays
};

}  // namespace remapd::files
