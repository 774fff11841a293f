#include <utility>

#include <fmt/format.h>

#include "connectors/files/line_reader.h"
#include "connectors/files/log_parser.h"

namespace remapd::files {
namespace {

constexpr std::size_t kRejectsPerClockLook = 1024;

class TsvParser final : public LogParser {
 public:
  TsvParser(LineReader lines, TsvDecoder decoder, const LogParserOptions& options)
      : lines_(std::move(lines)), decoder_(std::move(decoder)), options_(options) {}

  std::int64_t position() const override { return static_cast<std::int64_t>(lines_.lines()); }

  Result<bool> skip_to(std::int64_t record) override {
    while (position() < record) {
      std::string_view row;
      const auto outcome = lines_.next(row);
      if (!outcome) return fail(outcome.error());
      if (*outcome == LineReader::Outcome::kEnd) return false;
    }
    return true;
  }

  Stretch read(pipeline::EventBatch& into, RecordObserver& observer,
               std::chrono::steady_clock::time_point deadline) override {
    Stretch done;
    std::size_t rejects = 0;
    decoder_.begin(into);
    while (done.samples < options_.batch_samples) {
      std::string_view row;
      const auto outcome = lines_.next(row);
      if (!outcome) {
        done.error = outcome.error();
        break;
      }
      if (*outcome == LineReader::Outcome::kEnd) {
        done.ended = true;
        break;
      }
      if (lines_.line_bytes() == 0) continue;
      observer.on_record(lines_.line_bytes());
      const bool whole = *outcome == LineReader::Outcome::kLine;
      if (whole && decoder_.append(row, into)) {
        ++done.samples;
        continue;
      }
      observer.on_reject(
          as_bytes(row),
          whole ? decoder_.reason()
                : too_long_reason(lines_.line_bytes(), options_.max_record_bytes, row.size()),
          position());
      if (++rejects % kRejectsPerClockLook == 0 && std::chrono::steady_clock::now() >= deadline) {
        break;
      }
    }
    into.seal(done.samples);
    return done;
  }

 private:
  LineReader lines_;
  TsvDecoder decoder_;
  LogParserOptions options_;
};

}  // namespace

Result<std::unique_ptr<LogParser>> make_tsv_parser(std::unique_ptr<InputStream> stream,
                                                   const pipeline::FeatureSchema& schema,
                                                   const LogParserOptions& options,
                                                   RecordObserver& observer) {
  LineReader lines(std::move(stream), options.max_record_bytes);
  std::string_view header;
  const auto outcome = lines.next(header);
  if (!outcome) return fail(outcome.error());
  if (*outcome == LineReader::Outcome::kEnd) {
    return fail(ErrorCode::kCorrupt, "the file is empty; its first line must name the columns");
  }
  if (*outcome == LineReader::Outcome::kTooLong) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("the first line has {} bytes, more than the {} a line may have; is this "
                    "a text file?",
                    lines.line_bytes(), options.max_record_bytes));
  }
  auto decoder = TsvDecoder::create(header, schema, options.tsv);
  if (!decoder) return fail(std::move(decoder.error()));
  observer.on_unknown_features(decoder->ignored_columns());
  return std::make_unique<TsvParser>(std::move(lines), std::move(*decoder), options);
}

}  // namespace remapd::files
