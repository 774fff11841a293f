#include "connectors/files/frame_reader.h"

#include <algorithm>
#include <cstring>
#include <span>

#include <fmt/format.h>

#include "core/base/check.h"

namespace remapd::files {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
constexpr std::size_t kMaxVarintBytes = 10;

}  // namespace

FrameReader::FrameReader(std::unique_ptr<InputStream> stream, std::size_t max_frame_bytes)
    : stream_(std::move(stream)), max_frame_bytes_(max_frame_bytes), buffer_(kBufferBytes) {
  REMAPD_CHECK(max_frame_bytes > 0, "frames have a length");
}

// Grows the buffer only as bytes arrive, so that a false length allocates nothing.
Result<std::size_t> FrameReader::available(std::size_t want) {
  while (end_ - begin_ < want) {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    const auto n = stream_->read(std::span(buffer_).subspan(end_));
    if (!n) return fail(n.error());
    if (*n == 0) break;
    end_ += *n;
  }
  return end_ - begin_;
}

Result<FrameReader::LengthOutcome> FrameReader::read_length() {
  const auto have = available(kMaxVarintBytes);
  if (!have) return fail(have.error());
  frame_bytes_ = 0;
  for (std::size_t i = 0; i < std::min(*have, kMaxVarintBytes); ++i) {
    const auto byte = static_cast<std::uint64_t>(static_cast<unsigned char>(buffer_[begin_ + i]));
    if (i + 1 == kMaxVarintBytes && byte > 1) break;  // beyond 64 bits
    frame_bytes_ |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      begin_ += i + 1;
      return LengthOutcome::kLength;
    }
  }
  if (*have == 0) return LengthOutcome::kEnd;
  if (*have < kMaxVarintBytes) return LengthOutcome::kCutOff;
  return fail(ErrorCode::kCorrupt,
              fmt::format("after {} messages there is no length where the next one should begin; "
                          "the file is damaged there, or is not length-delimited protobuf",
                          frames_));
}

Result<FrameReader::Outcome> FrameReader::next(ByteView& frame) {
  const auto length = read_length();
  if (!length) return fail(length.error());
  if (*length == LengthOutcome::kEnd) return Outcome::kEnd;
  if (*length == LengthOutcome::kLength && frame_bytes_ > max_frame_bytes_) {
    return skip_long_frame(frame);
  }
  const auto want =
      *length == LengthOutcome::kLength ? static_cast<std::size_t>(frame_bytes_) : kMaxVarintBytes;
  const auto have = available(want);
  if (!have) return fail(have.error());
  const std::size_t size = std::min(*have, want);
  frame = std::as_bytes(std::span(buffer_).subspan(begin_, size));
  begin_ += size;
  ++frames_;
  return size < want ? Outcome::kCutOff : Outcome::kFrame;
}

Result<FrameReader::Outcome> FrameReader::skip_long_frame(ByteView& frame) {
  kept_.clear();
  std::uint64_t left = frame_bytes_;
  while (left > 0) {
    const auto have = available(1);
    if (!have) return fail(have.error());
    if (*have == 0) break;
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(left, *have));
    const std::size_t keep = std::min(here, kKeptBytes - kept_.size());
    const char* const from = buffer_.data() + begin_;
    kept_.insert(kept_.end(), from, from + keep);
    begin_ += here;
    left -= here;
  }
  frame = std::as_bytes(std::span(kept_));
  ++frames_;
  return left > 0 ? Outcome::kCutOff : Outcome::kTooLong;
}

}  // namespace remapd::files
