#include <utility>

#include <fmt/format.h>

#include "connectors/files/line_reader.h"
#include "connectors/files/log_parser.h"
#include "connectors/files/row_reader.h"

namespace remapd::files {
namespace {

constexpr std::size_t kRejectsPerClockLook = 1024;

class TsvParser final : public LogParser {
 public:
  TsvParser(RowReader rows, TsvDecoder decoder, const LogParserOptions& options)
      : rows_(std::move(rows)), decoder_(std::move(decoder)), options_(options) {}

  std::int64_t position() const override { return static_cast<std::int64_t>(rows_.lines()); }

  Result<bool> skip_to(std::int64_t record) override {
    while (position() < record) {
      std::string_view row;
      const auto outcome = rows_.next(row);
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
      const auto outcome = rows_.next(row);
      if (!outcome) {
        done.error = outcome.error();
        break;
      }
      if (*outcome == LineReader::Outcome::kEnd) {
        done.ended = true;
        break;
      }
      if (rows_.row_bytes() == 0) continue;
      observer.on_record(rows_.row_bytes());
      const bool whole = *outcome == LineReader::Outcome::kLine;
      if (whole && decoder_.append(row, into)) {
        ++done.samples;
        continue;
      }
      observer.on_reject(
          as_bytes(row),
          whole ? decoder_.reason()
                : too_long_reason(rows_.row_bytes(), options_.max_record_bytes, row.size()),
          position());
      if (++rejects % kRejectsPerClockLook == 0 && std::chrono::steady_clock::now() >= deadline) {
        break;
      }
    }
    into.seal(done.samples);
    return done;
  }

 private:
  RowReader rows_;
  TsvDecoder decoder_;
  LogParserOptions options_;
};

}  // namespace

Result<std::unique_ptr<LogParser>> make_tsv_parser(std::unique_ptr<InputStream> stream,
                                                   const pipeline::FeatureSchema& schema,
                                                   const LogParserOptions& options,
                                                   RecordObserver& observer) {
  RowReader rows(LineReader(std::move(stream), options.max_record_bytes), options.max_record_bytes,
                 options.tsv.delimiter.value_or('\t'));
  std::string_view header;
  const auto outcome = rows.next(header);
  if (!outcome) return fail(outcome.error());
  if (*outcome == LineReader::Outcome::kEnd) {
    return fail(ErrorCode::kCorrupt, "the file is empty; its first line must name the columns");
  }
  if (*outcome == LineReader::Outcome::kTooLong) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("the first line has {} bytes, more than the {} a line may have; is this "
                    "a text file?",
                    rows.row_bytes(), options.max_record_bytes));
  }
  auto decoder = TsvDecoder::create(header, schema, options.tsv);
  if (!decoder) return fail(std::move(decoder.error()));
  observer.on_unknown_features(decoder->ignored_columns());
  return std::make_unique<TsvParser>(std::move(rows), std::move(*decoder), options);
}

}  // namespace remapd::files
