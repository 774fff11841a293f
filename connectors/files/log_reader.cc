#include "connectors/files/log_reader.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"

namespace remapd::files {

using pipeline::EventBatch;
using pipeline::PollOutcome;
using pipeline::StreamOffsets;

std::string too_long_reason(std::uint64_t bytes, std::size_t bound, std::size_t kept) {
  return fmt::format("the record has {} bytes, more than the {} it may have; its first {} are kept",
                     bytes, bound, kept);
}

namespace {

// A log is read more than once, to recognise its format and to go on after a restart. A pipe gives
// its bytes once, and opening one waits for a writer.
Result<void> check_kind(const std::filesystem::path& path) {
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::socket) {
    return fail(ErrorCode::kConfig,
                fmt::format("{}: it is a pipe, which can be read once only, and a log is read more "
                            "than once; write it to a file first, or send it to a Kafka topic",
                            path.string()));
  }
  if (kind == std::filesystem::file_type::directory) {
    return fail(ErrorCode::kConfig,
                fmt::format("{}: it is a directory; name the logs in it", path.string()));
  }
  return {};
}

}  // namespace

// Counts, and passes rejects on as dead letters.
class LogFileSource::Observer final : public RecordObserver {
 public:
  Observer(std::string origin, pipeline::DeadLetterSink* dead_letters)
      : origin_(std::move(origin)), dead_letters_(dead_letters) {}

  void on_record(std::size_t bytes) override {
    ++counters.messages;
    counters.bytes += bytes;
  }
  void on_unknown_features(std::uint64_t columns) override { counters.unknown_features += columns; }
  void on_reject(ByteView record, std::string reason, std::int64_t where) override {
    ++counters.dead_letters;
    if (dead_letters_ == nullptr) return;
    const auto accepted = dead_letters_->accept({.payload = record,
                                                 .reason = std::move(reason),
                                                 .origin = origin_,
                                                 .partition = 0,
                                                 .offset = where});
    if (!accepted && !sink_failed_) sink_failed_ = accepted.error();
  }

  // The first failure of the sink since the last call.
  std::optional<Error> take_failure() { return std::exchange(sink_failed_, std::nullopt); }

  pipeline::SourceCounters counters;

 private:
  std::string origin_;
  pipeline::DeadLetterSink* dead_letters_;
  std::optional<Error> sink_failed_;
};

LogFileSource::LogFileSource(LogFileOptions options, pipeline::FeatureSchema schema,
                             LogFormat format, pipeline::DeadLetterSink* dead_letters)
    : options_(std::move(options)),
      schema_(std::move(schema)),
      format_(format),
      observer_(std::make_unique<Observer>(options_.path.string(), dead_letters)) {}

LogFileSource::~LogFileSource() = default;

Result<std::unique_ptr<LogFileSource>> LogFileSource::create(
    LogFileOptions options, pipeline::FeatureSchema schema,
    pipeline::DeadLetterSink* dead_letters) {
  REMAPD_CHECK(options.batch_samples > 0 && options.max_record_bytes > 0, "sizes are positive");
  if (auto readable = check_kind(options.path); !readable) return fail(readable.error());
  const auto format =
      options.format ? Result<LogFormat>(*options.format) : detect_format(options.path);
  if (!format) return fail(format.error());
  if (options.records && !has_columns(*format)) {
    const bool json = options.records->format == decode::RecordFormat::kJson;
    if (json != (*format == LogFormat::kNdjson)) {
      return fail(
          ErrorCode::kConfig,
          fmt::format("{}: the log is {}, but source.decode says that its records are {}",
                      options.path.string(), to_string(*format), json ? "json" : "protobuf"));
    }
  }
  std::unique_ptr<LogFileSource> source(
      new LogFileSource(std::move(options), std::move(schema), *format, dead_letters));
  if (auto opened = source->open(); !opened) return fail(opened.error());
  return source;
}

Result<void> LogFileSource::open() {
  auto stream = InputStream::open(options_.path);
  if (!stream) return fail(stream.error());
  const LogParserOptions options{.batch_samples = options_.batch_samples,
                                 .max_record_bytes = options_.max_record_bytes,
                                 .tsv = options_.tsv,
                                 .records = options_.records};
  observer_->counters.unknown_features = 0;
  failed_.reset();
  if (options_.records && !has_columns(format_)) {
    auto parser = make_record_parser(std::move(*stream), format_, schema_, options);
    if (!parser) return fail(std::move(parser).error());
    parser_ = std::move(*parser);
    return {};
  }
  switch (format_) {
    case LogFormat::kCsv:
    case LogFormat::kTsv: {
      LogParserOptions columns = options;
      if (!columns.tsv.delimiter) columns.tsv.delimiter = format_ == LogFormat::kCsv ? ',' : '\t';
      auto parser = make_tsv_parser(std::move(*stream), schema_, columns, *observer_);
      if (!parser) return fail(std::move(parser.error()).with_context(options_.path.string()));
      parser_ = std::move(*parser);
      break;
    }
    case LogFormat::kNdjson:
      parser_ = make_ndjson_parser(std::move(*stream), schema_, options);
      break;
    case LogFormat::kProtobuf:
      parser_ = make_protobuf_parser(std::move(*stream), schema_, options);
      break;
  }
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
  const auto reached = parser_->skip_to(next);
  if (!reached) return fail(reached.error());
  if (!*reached) {
    return fail(ErrorCode::kConflict,
                fmt::format("{}: reading shall go on after {} records but the log has only {}: it "
                            "is not the log the checkpoint was made from",
                            options_.path.string(), next, parser_->position()));
  }
  return {};
}

Result<PollOutcome> LogFileSource::poll(EventBatch& into, std::chrono::milliseconds timeout) {
  into.reset(schema_.size());
  if (auto sink_failed = observer_->take_failure()) return fail(std::move(*sink_failed));
  if (failed_) return fail(*failed_);
  const std::int64_t first = parser_->position();
  LogParser::Stretch stretch =
      parser_->read(into, *observer_, std::chrono::steady_clock::now() + timeout);
  into.position = {.partition = 0, .offset = first, .next_offset = parser_->position()};
  if (options_.tsv.labels == LabelUse::kIgnore) into.mutable_labels().clear();
  options_.ignored.take_from(into);
  failed_ = std::move(stretch.error);
  if (stretch.samples > 0) return PollOutcome::kBatch;
  if (auto sink_failed = observer_->take_failure()) return fail(std::move(*sink_failed));
  if (failed_) return fail(*failed_);
  return stretch.ended ? PollOutcome::kEnd : PollOutcome::kIdle;
}

StreamOffsets LogFileSource::offsets() const {
  return {{.partition = 0, .next_offset = parser_->position()}};
}

Result<void> LogFileSource::commit(const StreamOffsets&) {
  return {};
}

pipeline::SourceCounters LogFileSource::counters() const {
  return observer_->counters;
}

}  // namespace remapd::files
