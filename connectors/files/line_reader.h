// LineReader: the lines of a stream, each of bounded length.
//
// Lines end at \n; a \r before it is dropped; the last line needs no \n. Memory is bounded by
// `max_line_bytes`, whatever the stream holds: of a longer line only its beginning is kept.
// Not thread safe. O(bytes).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/files/input_stream.h"
#include "core/base/result.h"

namespace remapd::files {

class LineReader {
 public:
  enum class Outcome {
    kLine,
    kTooLong,  // the line had more than max_line_bytes; `line` is its first kKeptBytes
    kEnd,
  };
  static constexpr std::size_t kKeptBytes = 4096;

  // max_line_bytes > 0.
  LineReader(std::unique_ptr<InputStream> stream, std::size_t max_line_bytes);

  // `line` is valid until the next call. Errors are the stream's; they come after all whole lines
  // before them, and the piece of a line before an error is not handed out.
  Result<Outcome> next(std::string_view& line);

  // Length of the line last returned, also of one that was too long, without its line end.
  std::size_t line_bytes() const { return line_bytes_; }
  // Lines handed out so far.
  std::uint64_t lines() const { return lines_; }

 private:
  Result<bool> fill();  // false: the stream has ended
  Result<Outcome> skip_long_line(std::string_view& line);

  std::unique_ptr<InputStream> stream_;
  std::size_t max_line_bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t line_bytes_ = 0;
  std::uint64_t lines_ = 0;
  std::string kept_;
};

}  // namespace remapd::files
