#include <type_traits>
#include <utility>

#include "connectors/files/frame_reader.h"
#include "connectors/files/line_reader.h"
#include "connectors/files/log_parser.h"
#include "connectors/proto/json_text.h"

namespace remapd::files {
namespace {

constexpr std::size_t kRecordsPerClockLook = 1024;

// What both kinds of log have in common: records, some too long or cut off.
class Lines {
 public:
  explicit Lines(LineReader lines) : lines_(std::move(lines)) {}

  // None: the end. `reason` is set for a record that cannot be read.
  Result<std::optional<ByteView>> next(std::string& reason, std::size_t max_bytes) {
    std::string_view line;
    const auto outcome = lines_.next(line);
    if (!outcome) return fail(outcome.error());
    if (*outcome == LineReader::Outcome::kEnd) return std::nullopt;
    if (*outcome == LineReader::Outcome::kTooLong) {
      reason = too_long_reason(lines_.line_bytes(), max_bytes, line.size());
    }
    return as_bytes(line);
  }
  std::uint64_t passed() const { return lines_.lines(); }
  std::int64_t where() const { return static_cast<std::int64_t>(lines_.lines()); }  // from 1

 private:
  LineReader lines_;
};

class Frames {
 public:
  explicit Frames(FrameReader frames) : frames_(std::move(frames)) {}

  Result<std::optional<ByteView>> next(std::string& reason, std::size_t max_bytes) {
    ByteView frame;
    const auto outcome = frames_.next(frame);
    if (!outcome) return fail(outcome.error());
    switch (*outcome) {
      case FrameReader::Outcome::kEnd:
        return std::nullopt;
      case FrameReader::Outcome::kTooLong:
        reason = too_long_reason(frames_.frame_bytes(), max_bytes, frame.size());
        break;
      case FrameReader::Outcome::kCutOff:
        reason = "the file ends inside this message: it was cut off while written";
        break;
      case FrameReader::Outcome::kFrame:
        break;
    }
    return frame;
  }
  std::uint64_t passed() const { return frames_.frames(); }
  std::int64_t where() const { return static_cast<std::int64_t>(frames_.frames()) - 1; }  // from 0

 private:
  FrameReader frames_;
};

template <class Records>
class RecordParser final : public LogParser {
 public:
  RecordParser(Records records, decode::RecordReader reader, std::size_t features,
               const LogParserOptions& options)
      : records_(std::move(records)),
        reader_(std::move(reader)),
        features_(features),
        options_(options) {}

  std::int64_t position() const override { return static_cast<std::int64_t>(records_.passed()); }

  Result<bool> skip_to(std::int64_t record) override {
    while (position() < record) {
      std::string ignored;
      const auto next = records_.next(ignored, options_.max_record_bytes);
      if (!next) return fail(next.error());
      if (!*next) return false;
    }
    return true;
  }

  Stretch read(pipeline::EventBatch& into, RecordObserver& observer,
               std::chrono::steady_clock::time_point deadline) override {
    Stretch done;
    into.reset(features_);
    for (std::size_t seen = 1; done.samples < options_.batch_samples; ++seen) {
      std::string reason;
      const auto next = records_.next(reason, options_.max_record_bytes);
      if (!next) done.error = next.error();
      if (!next || !*next) {
        done.ended = next.has_value();
        break;
      }
      if (reason.empty()) {
        done.samples += take(**next, into, observer);
      } else {
        observer.on_record((*next)->size());
        observer.on_reject(**next, std::move(reason), records_.where());
      }
      if (seen % kRecordsPerClockLook == 0 && std::chrono::steady_clock::now() >= deadline) break;
    }
    into.seal(done.samples);
    return done;
  }

 private:
  std::size_t append(ByteView record, pipeline::EventBatch& into, RecordObserver& observer) {
    const auto samples = reader_.append(record, into);
    if (samples) return *samples;
    observer.on_reject(record, samples.error().message, records_.where());
    return 0;
  }

  std::size_t take(ByteView record, pipeline::EventBatch& into, RecordObserver& observer) {
    if constexpr (std::is_same_v<Records, Frames>) {
      observer.on_record(record.size());
      return append(record, into, observer);
    }
    // A line is an object or, seldom, a list of them.
    if (as_text(record).starts_with('{')) {
      if (const auto appended = reader_.append(record, into)) {
        observer.on_record(record.size());
        return *appended;
      }
    }
    std::size_t samples = 0;
    bool blank = true;
    proto::for_each_json_record_of_line(as_text(record), [&](const proto::JsonRecord& object) {
      if (std::exchange(blank, false)) observer.on_record(record.size());
      samples += append(as_bytes(object.text), into, observer);
    });
    return samples;
  }

  Records records_;
  decode::RecordReader reader_;
  std::size_t features_;
  LogParserOptions options_;
};

}  // namespace

Result<std::unique_ptr<LogParser>> make_record_parser(std::unique_ptr<InputStream> stream,
                                                      LogFormat format,
                                                      const pipeline::FeatureSchema& schema,
                                                      const LogParserOptions& options) {
  auto reader = decode::RecordReader::create(*options.records, schema);
  if (!reader) return fail(std::move(reader).error());
  if (format == LogFormat::kProtobuf) {
    return std::make_unique<RecordParser<Frames>>(
        Frames(FrameReader(std::move(stream), options.max_record_bytes)), std::move(*reader),
        schema.size(), options);
  }
  return std::make_unique<RecordParser<Lines>>(
      Lines(LineReader(std::move(stream), options.max_record_bytes)), std::move(*reader),
      schema.size(), options);
}

}  // namespace remapd::files
