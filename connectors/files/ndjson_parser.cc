#include <utility>
#include <vector>

#include "connectors/files/line_reader.h"
#include "connectors/files/log_parser.h"
#include "connectors/proto/access_batch_codec.h"
#include "core/base/check.h"

namespace remapd::files {
namespace {

// Lines are decoded together up to this many bytes, so that memory stays bounded.
constexpr std::size_t kMaxPendingBytes = std::size_t{4} << 20;
constexpr std::size_t kLinesPerClockLook = 1024;

class NdjsonParser final : public LogParser {
 public:
  NdjsonParser(LineReader lines, const pipeline::FeatureSchema& schema,
               const LogParserOptions& options)
      : lines_(std::move(lines)), decoder_(schema), features_(schema.size()), options_(options) {}

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
    text_.clear();
    pending_.clear();
    std::size_t seen = 0;
    while (pending_.size() < options_.batch_samples && text_.size() < kMaxPendingBytes) {
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
      if (line.find_first_not_of(" \t") == std::string_view::npos &&
          *outcome == LineReader::Outcome::kLine) {
        continue;
      }
      observer.on_record(lines_.line_bytes());
      if (*outcome == LineReader::Outcome::kTooLong) {
        observer.on_reject(
            as_bytes(line),
            too_long_reason(lines_.line_bytes(), options_.max_record_bytes, line.size()),
            position());
      } else {
        pending_.push_back({text_.size(), line.size(), position()});
        text_.append(line).push_back('\n');
      }
      if (++seen % kLinesPerClockLook == 0 && std::chrono::steady_clock::now() >= deadline) break;
    }
    done.samples = decode(into, observer);
    return done;
  }

 private:
  struct Line {
    std::size_t begin;
    std::size_t size;
    std::int64_t number;
  };

  // All lines at once; if one of them is bad, each by itself to find the bad ones, and then the
  // good ones at once.
  std::size_t decode(pipeline::EventBatch& into, RecordObserver& observer) {
    into.reset(features_);
    if (pending_.empty()) {
      into.seal(0);
      return 0;
    }
    auto notes = decoder_.decode_ndjson(as_bytes(text_), into);
    if (!notes) {
      std::string good;
      for (const Line& line : pending_) {
        const auto bytes = std::string_view(text_).substr(line.begin, line.size);
        if (auto alone = decoder_.decode_ndjson(as_bytes(bytes), into); !alone) {
          observer.on_reject(as_bytes(bytes), alone.error().message, line.number);
        } else {
          good.append(bytes).push_back('\n');
        }
      }
      into.reset(features_);
      if (good.empty()) {
        into.seal(0);
        return 0;
      }
      notes = decoder_.decode_ndjson(as_bytes(good), into);
      REMAPD_CHECK(notes.has_value(), "lines that decode one by one decode together");
    }
    observer.on_unknown_features(notes->unknown_features);
    return into.samples();
  }

  LineReader lines_;
  proto::AccessBatchDecoder decoder_;
  std::size_t features_;
  LogParserOptions options_;
  std::string text_;           // the lines of this batch
  std::vector<Line> pending_;  // where each is in it
};

}  // namespace

std::unique_ptr<LogParser> make_ndjson_parser(std::unique_ptr<InputStream> stream,
                                              const pipeline::FeatureSchema& schema,
                                              const LogParserOptions& options) {
  return std::make_unique<NdjsonParser>(LineReader(std::move(stream), options.max_record_bytes),
                                        schema, options);
}

}  // namespace remapd::files
