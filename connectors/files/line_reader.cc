#include "connectors/files/line_reader.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"

namespace remapd::files {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

std::string_view without_carriage_return(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

LineReader::LineReader(std::unique_ptr<InputStream> stream, std::size_t max_line_bytes)
    : stream_(std::move(stream)), max_line_bytes_(max_line_bytes) {
  REMAPD_CHECK(max_line_bytes > 0, "lines have a length");
  // Room for a line of the greatest length with its \r\n.
  buffer_.resize(std::min(kBufferBytes, max_line_bytes_ + 2));
}

Result<bool> LineReader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::min(buffer_.size() * 2, max_line_bytes_ + 2));
  const Result<std::size_t> n = stream_->read({buffer_.data() + end_, buffer_.size() - end_});
  if (!n) return fail(n.error());
  end_ += *n;
  return *n > 0;
}

Result<LineReader::Outcome> LineReader::next(std::string_view& line) {
  std::size_t searched = 0;  // bytes from begin_ known to hold no \n
  for (;;) {
    const char* from = buffer_.data() + begin_ + searched;
    const auto* newline =
        static_cast<const char*>(std::memchr(from, '\n', end_ - begin_ - searched));
    if (newline != nullptr) {
      const std::size_t length = static_cast<std::size_t>(newline - (buffer_.data() + begin_));
      line = without_carriage_return({buffer_.data() + begin_, length});
      begin_ += length + 1;
      break;
    }
    searched = end_ - begin_;
    if (searched == max_line_bytes_ + 2) return skip_long_line(line);
    const Result<bool> more = fill();
    if (!more) return fail(more.error());
    if (!*more) {
      if (begin_ == end_) return Outcome::kEnd;
      line = without_carriage_return({buffer_.data() + begin_, end_ - begin_});
      begin_ = end_;
      break;
    }
  }
  ++lines_;
  line_bytes_ = line.size();
  if (line_bytes_ <= max_line_bytes_) return Outcome::kLine;
  line = line.substr(0, kKeptBytes);
  return Outcome::kTooLong;
}

Result<LineReader::Outcome> LineReader::skip_long_line(std::string_view& line) {
  kept_.clear();
  line_bytes_ = 0;
  for (;;) {
    const char* from = buffer_.data() + begin_;
    const auto* newline = static_cast<const char*>(std::memchr(from, '\n', end_ - begin_));
    const std::size_t length =
        newline != nullptr ? static_cast<std::size_t>(newline - from) : end_ - begin_;
    kept_.append(from, std::min(length, kKeptBytes - kept_.size()));
    line_bytes_ += length;
    begin_ += length;
    if (newline != nullptr) {
      ++begin_;
      break;
    }
    const Result<bool> more = fill();
    if (!more) return fail(more.error());
    if (!*more) break;
  }
  ++lines_;
  line = kept_;
  return Outcome::kTooLong;
}

}  // namespace remapd::files
