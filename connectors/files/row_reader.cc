#include "connectors/files/row_reader.h"

#include <utility>

#include "connectors/files/tsv_decoder.h"

namespace remapd::files {

using Outcome = LineReader::Outcome;

RowReader::RowReader(LineReader lines, std::size_t max_row_bytes, char delimiter)
    : reader_(std::move(lines)), max_row_bytes_(max_row_bytes), delimiter_(delimiter) {}

Result<Outcome> RowReader::next(std::string_view& row) {
  if (ahead_.empty()) {
    if (failed_) return fail(*failed_);
    const auto outcome = reader_.next(row);
    if (!outcome || *outcome == Outcome::kEnd) return outcome;
    row_bytes_ = reader_.line_bytes();
    const bool whole = *outcome == Outcome::kTooLong || delimiter_ == '\t' ||
                       row.find('"') == std::string_view::npos || !ends_in_quotes(row, delimiter_);
    if (whole) {
      ++lines_;
      return outcome;
    }
    ahead_.push_back({*outcome, row_bytes_, std::string(row)});
  }
  const std::size_t count = lines_of_row();
  const Outcome outcome = ahead_.front().outcome;
  row_bytes_ = ahead_.front().bytes;
  row_ = std::move(ahead_.front().text);
  ahead_.pop_front();
  for (std::size_t line = 1; line < count; ++line) {
    row_ += '\n';
    row_ += ahead_.front().text;
    row_bytes_ = row_.size();
    ahead_.pop_front();
  }
  lines_ += count;
  row = row_;
  return outcome;
}

std::size_t RowReader::lines_of_row() {
  if (ahead_.front().outcome == Outcome::kTooLong) return 1;
  std::string text = ahead_.front().text;
  std::size_t count = 1;
  while (ends_in_quotes(text, delimiter_)) {
    if (count == kMaxRowLines || !have_line(count)) return 1;
    const Line& line = ahead_[count++];
    if (line.outcome == Outcome::kTooLong || text.size() + line.bytes >= max_row_bytes_) return 1;
    text += '\n';
    text += line.text;
  }
  return count;
}

// Whether there is a line ahead_[index].
bool RowReader::have_line(std::size_t index) {
  while (ahead_.size() <= index) {
    if (failed_) return false;
    std::string_view line;
    const auto outcome = reader_.next(line);
    if (!outcome) {
      failed_ = outcome.error();
      return false;
    }
    if (*outcome == Outcome::kEnd) return false;
    ahead_.push_back({*outcome, reader_.line_bytes(), std::string(line)});
  }
  return true;
}

}  // namespace remapd::files
