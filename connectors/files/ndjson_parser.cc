#include <utility>

#include <fmt/format.h>

#include "connectors/files/line_reader.h"
#include "connectors/files/log_parser.h"
#include "connectors/proto/json_event_decoder.h"
#include "connectors/proto/json_text.h"

namespace remapd::files {
namespace {

constexpr std::size_t kLinesPerClockLook = 1024;

class NdjsonParser final : public LogParser {
 public:
  NdjsonParser(LineReader lines, const pipeline::FeatureSchema& schema,
               const LogParserOptions& options)
      : lines_(std::move(lines)), decoder_(schema), options_(options) {}

  std::int64_t position() const override { return static_cast<std::int64_t>(lines_.lines()); }

  Result<bool> skip_to(std::int64_t record) override {
    while (position() < record) {
      std::string_view line;
      const auto outcome = lines_.next(line);
      if (!outcome) return fail(outcome.error());
      if (*outcome == LineReader::Outcome::kEnd) return false;
    }
    return true;
  }

  Stretch read(pipeline::EventBatch& into, RecordObserver& observer,
               std::chrono::steady_clock::time_point deadline) override {
    Stretch done;
    std::size_t seen = 0;
    decoder_.begin(into);
    while (decoder_.samples() < options_.batch_samples) {
      std::string_view line;
      const auto outcome = lines_.next(line);
      if (!outcome) {
        done.error = outcome.error();
        break;
      }
      if (*outcome == LineReader::Outcome::kEnd) {
        done.ended = true;
        break;
      }
      if (*outcome == LineReader::Outcome::kTooLong) {
        observer.on_record(lines_.line_bytes());
        observer.on_reject(
            as_bytes(line),
            too_long_reason(lines_.line_bytes(), options_.max_record_bytes, line.size()),
            position());
      } else {
        take(line, into, observer);
      }
      if (++seen % kLinesPerClockLook == 0 && std::chrono::steady_clock::now() >= deadline) break;
    }
    decoder_.finish(into);
    observer.on_unknown_features(decoder_.unknown_features());
    done.samples = decoder_.samples();
    return done;
  }

 private:
  // A line is an object or a list of them.
  void take(std::string_view line, pipeline::EventBatch& into, RecordObserver& observer) {
    if (line.starts_with('{') && decoder_.append(line, into))
      return observer.on_record(line.size());
    bool blank = true;
    proto::for_each_json_record_of_line(line, [&](const proto::JsonRecord& record) {
      if (std::exchange(blank, false)) observer.on_record(line.size());
      if (decoder_.append(record.text, into)) return;
      std::string reason = decoder_.reason();
      if (record.element > 0) reason = fmt::format("element {}: {}", record.element, reason);
      observer.on_reject(as_bytes(record.text), std::move(reason), position());
    });
  }

  LineReader lines_;
  proto::JsonEventDecoder decoder_;
  LogParserOptions options_;
};

}  // namespace

std::unique_ptr<LogParser> make_ndjson_parser(std::unique_ptr<InputStream> stream,
                                              const pipeline::FeatureSchema& schema,
                                              const LogParserOptions& options) {
  return std::make_unique<NdjsonParser>(LineReader(std::move(stream), options.max_record_bytes),
                                        schema, options);
}

}  // namespace remapd::files
