// Checksums made right again, so that mutated bytes get past them to the code behind: what a
// checksum keeps out by accident must not be harmful on purpose.
#pragma once

#include <cstring>

#include "core/base/bytes.h"
#include "core/base/hash.h"

namespace remapd::fuzz {

inline Bytes copy_of(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

template <class T>
void overwrite(Bytes& bytes, std::size_t at, const T& value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

template <class T>
T value_at(const Bytes& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// core/mapping/framing.h: size at 16, checksum at 24, payload from 32.
inline Bytes resealed_frame(ByteView bytes) {
  Bytes out = copy_of(bytes);
  if (out.size() < 32) return out;
  overwrite(out, 16, std::uint64_t{out.size() - 32});
  overwrite(out, 24, checksum(ByteView(out).subspan(32)));
  return out;
}

// core/mapping/artifact.cc: header size at 12, file size at 16, header checksum at 24, body's at
// 32, body after the header.
inline Bytes resealed_artifact(ByteView bytes) {
  Bytes out = copy_of(bytes);
  if (out.size() < 152) return out;
  const auto header_size = value_at<std::uint32_t>(out, 12);
  if (header_size < 152 || header_size > out.size()) return out;
  overwrite(out, 16, std::uint64_t{out.size()});
  overwrite(out, 32, checksum(ByteView(out).subspan(header_size)));
  overwrite(out, 24, std::uint64_t{0});
  overwrite(out, 24, checksum(ByteView(out).first(header_size)));
  return out;
}

}  // namespace remapd::fuzz
