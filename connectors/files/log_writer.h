// LogFileWriter: batches into a recorded event log that LogFileSource reads back.
//
// The format follows from the name (log_format.h), gzip from a last ".gz". The log is written
// beside its place, as PATH.partial, and gets its name in close(): an interrupted writer leaves no
// log that looks whole. Not thread safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "connectors/files/log_format.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::files {

struct LogWriterOptions {
  std::filesystem::path path;
  std::optional<LogFormat> format{};            // none: by the name
  std::optional<char> multi_value_separator{};  // tab-separated values: between the ids of a field
  std::string producer = "remapd";              // protobuf: who wrote it
  int gzip_level = 1;                           // 1 (fast) .. 9 (small)
};

class LogFileWriter {
 public:
  // kConfig when the name tells no format; kIo, kResource. The directory must exist.
  static Result<std::unique_ptr<LogFileWriter>> create(LogWriterOptions options,
                                                       pipeline::FeatureSchema schema);
  // Without close() before, what was written is removed.
  ~LogFileWriter();
  LogFileWriter(const LogFileWriter&) = delete;
  LogFileWriter& operator=(const LogFileWriter&) = delete;

  // Tab-separated values: a timestamp column with the batch's event time, a label column (empty for
  // a sample without one), then the features; weights are not kept. kInvalidArgument when a sample
  // has several ids of a feature and no separator was given.
  Result<void> write(const pipeline::EventBatch& batch);

  // Syncs, closes and names the log. Nothing may be written after it.
  Result<void> close();

  std::uint64_t samples() const { return samples_; }

 private:
  struct Output;
  LogFileWriter(LogWriterOptions options, pipeline::FeatureSchema schema, LogFormat format);
  Result<void> format_tsv(const pipeline::EventBatch& batch);
  void format_protobuf(const pipeline::EventBatch& batch);

  LogWriterOptions options_;
  pipeline::FeatureSchema schema_;
  LogFormat format_;
  std::filesystem::path partial_;
  std::unique_ptr<Output> output_;  // null once closed
  std::string text_;                // the batch at hand, formatted
  std::uint64_t samples_ = 0;
};

}  // namespace remapd::files
