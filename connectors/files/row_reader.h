// RowReader: the rows of a log of columns. A row is a line; in CSV (RFC 4180) it goes on in the
// next line where a line ends inside of a field in quotes.
//
// A quote that nothing closes within kMaxRowLines lines, or within the length that a record may
// have, is text, and its line is a row: a stray quote loses no more than its own row.
//
// Not thread safe. O(bytes), and at most kMaxRowLines times that where no quote is closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/files/line_reader.h"

namespace remapd::files {

class RowReader {
 public:
  static constexpr std::size_t kMaxRowLines = 100;

  RowReader(LineReader lines, std::size_t max_row_bytes, char delimiter);

  // As LineReader::next(), of rows.
  Result<LineReader::Outcome> next(std::string_view& row);

  // Length of the row last returned, also of one that was too long.
  std::size_t row_bytes() const { return row_bytes_; }
  // Lines in the rows handed out so far.
  std::uint64_t lines() const { return lines_; }

 private:
  struct Line {
    LineReader::Outcome outcome;
    std::size_t bytes;
    std::string text;
  };

  // How many lines the row takes that begins with ahead_[0]; they are in ahead_ then.
  std::size_t lines_of_row();
  bool have_line(std::size_t index);

  LineReader reader_;
  std::size_t max_row_bytes_;
  char delimiter_;
  std::deque<Line> ahead_;  // read and not handed out; empty unless a row of several lines was seen
  std::optional<Error> failed_;  // the stream's, behind ahead_
  std::string row_;
  std::size_t row_bytes_ = 0;
  std::uint64_t lines_ = 0;
};

}  // namespace remapd::files
