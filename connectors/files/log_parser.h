// LogParser: one format of recorded event log, from bytes to batches. LogFileSource owns one and
// adds what all formats share: offsets, dead letters, counters.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/decode/event_decoder.h"
#include "connectors/files/input_stream.h"
#include "connectors/files/log_format.h"
#include "connectors/files/tsv_decoder.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/event_source.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::files {

// Told of every record read, and of those that cannot be used.
class RecordObserver {
 public:
  virtual ~RecordObserver() = default;
  virtual void on_record(std::size_t bytes) = 0;
  virtual void on_unknown_features(std::uint64_t columns) = 0;
  // `where` is what a person looks for: the line, from 1, or the message's index, from 0.
  virtual void on_reject(ByteView record, std::string reason, std::int64_t where) = 0;
};

// Not thread safe. Errors are the stream's.
class LogParser {
 public:
  // What read() has done. The batch holds `samples` samples and is sealed; after an error, too, it
  // holds those read before.
  struct Stretch {
    std::size_t samples = 0;
    bool ended = false;
    std::optional<Error> error;
  };

  virtual ~LogParser() = default;

  // Records passed so far, as the offset of the next one.
  virtual std::int64_t position() const = 0;
  // Passes over records until position() is `record`; false if the log ends before.
  virtual Result<bool> skip_to(std::int64_t record) = 0;
  // Up to a batch of samples. May stop with fewer, or none, after many rejects, at `deadline`.
  virtual Stretch read(pipeline::EventBatch& into, RecordObserver& observer,
                       std::chrono::steady_clock::time_point deadline) = 0;
};

struct LogParserOptions {
  std::size_t batch_samples = 1024;
  std::size_t max_record_bytes = std::size_t{16} << 20;
  TsvOptions tsv{};
  std::optional<decode::DecodeOptions> records{};  // of json or protobuf; none: remapd's own form
};

// Reads the header line: kConfig, kCorrupt (tsv_decoder.h). `observer` is told of unused columns.
Result<std::unique_ptr<LogParser>> make_tsv_parser(std::unique_ptr<InputStream> stream,
                                                   const pipeline::FeatureSchema& schema,
                                                   const LogParserOptions& options,
                                                   RecordObserver& observer);
std::unique_ptr<LogParser> make_ndjson_parser(std::unique_ptr<InputStream> stream,
                                              const pipeline::FeatureSchema& schema,
                                              const LogParserOptions& options);
// A message is a batch, however many samples it has.
std::unique_ptr<LogParser> make_protobuf_parser(std::unique_ptr<InputStream> stream,
                                                const pipeline::FeatureSchema& schema,
                                                const LogParserOptions& options);

// Lines of JSON or protobuf messages in the layout of options.records. kConfig: a path or schema
// that cannot be used.
Result<std::unique_ptr<LogParser>> make_record_parser(std::unique_ptr<InputStream> stream,
                                                      LogFormat format,
                                                      const pipeline::FeatureSchema& schema,
                                                      const LogParserOptions& options);

// The reason for a record beyond the bound, of which `kept` bytes are passed on.
std::string too_long_reason(std::uint64_t bytes, std::size_t bound, std::size_t kept);

}  // namespace remapd::files
