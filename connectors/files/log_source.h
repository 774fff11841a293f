// LogSource: a log of one or more files, read one after another as one stream.
//
//   auto source = LogSource::create({.path = "clicks/"}, schema, &dead_letters);
//   source->start(checkpoint.offsets);
//   while (source->poll(batch, 1s) ...) ...
//
// `path` names a file, a directory or a pattern (log_paths.h). Each file is a partition, numbered
// by its place in the order, and is read as LogFileSource says; formats may differ from file to
// file. A file that is added behind those that were read is read when the source is started again;
// one that comes to stand before them shifts the numbers, so name files in the order in which they
// are written.
//
// Errors: those of LogFileSource, when the file is opened that they concern; create() opens all of
// them once, so that a wrong path, format or column is found before anything is read.
//
// Not thread safe. Memory: that of one LogFileSource, and the paths.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "connectors/files/log_reader.h"
#include "core/pipeline/event_source.h"

namespace remapd::files {

class LogSource final : public pipeline::EventSource {
 public:
  static Result<std::unique_ptr<LogSource>> create(LogFileOptions options,
                                                   pipeline::FeatureSchema schema,
                                                   pipeline::DeadLetterSink* dead_letters);

  // kConflict, besides LogFileSource's: there are fewer files than `from` names.
  Result<void> start(const pipeline::StreamOffsets& from) override;
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch& into,
                                     std::chrono::milliseconds timeout) override;
  pipeline::StreamOffsets offsets() const override;
  Result<void> commit(const pipeline::StreamOffsets& offsets) override;  // nothing to tell anyone
  pipeline::SourceCounters counters() const override;

  const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  LogSource(LogFileOptions options, pipeline::FeatureSchema schema,
            pipeline::DeadLetterSink* dead_letters, std::vector<std::filesystem::path> files);
  Result<std::unique_ptr<LogFileSource>> open(std::size_t file) const;
  // Reads `file` from there on.
  Result<void> go_on(std::size_t file, std::int64_t record);

  LogFileOptions options_;
  pipeline::FeatureSchema schema_;
  pipeline::DeadLetterSink* dead_letters_;
  std::vector<std::filesystem::path> files_;
  std::unique_ptr<LogFileSource> source_;  // of the file at hand, which is ends_.size()
  std::vector<std::int64_t> ends_;         // of the files before: where each was left
  pipeline::SourceCounters counters_;      // of the files before
};

}  // namespace remapd::files
