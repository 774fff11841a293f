// The frame around deltas and migration plans: magic, format version, size and checksum of what
// follows. docs/formats.md "Frame".
//
//   0  magic (8 bytes)   8  format (u32)   12  zero (u32)   16  payload size (u64)
//   24 XXH3-64 of the payload (u64)        32  payload
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/result.h"

namespace remapd::mapping {

using Magic = std::array<char, 8>;

inline Bytes frame(const Magic& magic, std::uint32_t format, const Bytes& payload) {
  ByteWriter out;
  out.put(magic);
  out.put(format);
  out.put<std::uint32_t>(0);
  out.put<std::uint64_t>(payload.size());
  out.put(checksum(payload));
  out.put_array(std::span<const std::byte>(payload));
  return std::move(out).take();
}

// The payload inside `bytes`. kCorrupt (`what` names the kind of thing) or kUnsupported.
inline Result<ByteView> unframe(const Magic& magic, std::uint32_t format, ByteView bytes,
                                const std::string& what) {
  ByteReader in(bytes);
  const auto found = in.get<Magic>();
  const auto version = in.get<std::uint32_t>();
  in.get<std::uint32_t>();
  const auto size = in.get<std::uint64_t>();
  const auto sum = in.get<std::uint64_t>();
  if (!in.ok() || found != magic) return fail(ErrorCode::kCorrupt, what + ": not one");
  if (version != format) {
    return fail(ErrorCode::kUnsupported, what + ": format " + std::to_string(version) +
                                             ", this build reads " + std::to_string(format));
  }
  if (size != in.remaining()) return fail(ErrorCode::kCorrupt, what + ": cut short or too long");
  const ByteView payload = bytes.subspan(in.position());
  if (checksum(payload) != sum) return fail(ErrorCode::kCorrupt, what + ": checksum mismatch");
  return payload;
}

}  // namespace remapd::mapping
