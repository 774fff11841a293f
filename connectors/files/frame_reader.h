// FrameReader: the messages of a stream, each a varint length and then that many bytes (protobuf's
// writeDelimitedTo, SerializeDelimitedToZeroCopyStream).
//
// Memory is bounded by `max_frame_bytes`, whatever lengths the stream claims. Not thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "connectors/files/input_stream.h"
#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::files {

class FrameReader {
 public:
  enum class Outcome {
    kFrame,
    kTooLong,  // longer than max_frame_bytes; `frame` is its first kKeptBytes, the rest is skipped
    kCutOff,   // the stream ends inside a frame; `frame` is its beginning. The end comes next.
    kEnd,
  };
  static constexpr std::size_t kKeptBytes = 4096;

  // max_frame_bytes > 0.
  FrameReader(std::unique_ptr<InputStream> stream, std::size_t max_frame_bytes);

  // `frame` is valid until the next call. Errors: the stream's, and kCorrupt when a length is not a
  // varint of 64 bits: then nothing says where the next frame begins.
  Result<Outcome> next(ByteView& frame);

  // Length of the frame last returned, as it claims to be.
  std::uint64_t frame_bytes() const { return frame_bytes_; }
  // Frames handed out so far, those too long or cut off included.
  std::uint64_t frames() const { return frames_; }

 private:
  enum class LengthOutcome { kLength, kCutOff, kEnd };
  Result<std::size_t> available(std::size_t want);  // < want only at the end
  Result<LengthOutcome> read_length();
  Result<Outcome> skip_long_frame(ByteView& frame);

  std::unique_ptr<InputStream> stream_;
  std::size_t max_frame_bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t frame_bytes_ = 0;
  std::uint64_t frames_ = 0;
  std::vector<char> kept_;
};

}  // namespace remapd::files
