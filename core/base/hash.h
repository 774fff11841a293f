// The hash functions whose values are part of persisted formats. Pinned by tests/golden.
//
// mix64      a bijection of 64-bit words (Stafford's variant 13 of the MurmurHash3 finaliser, as in
//            SplitMix64): the hash of an id.
// hash_id    mix64 with a seed; a bijection for a fixed seed, so that two ids never have the same
//            64-bit hash.
// hash_text  XXH3-64 with a seed, for string ids and feature names.
// reduce     a 64-bit hash to [0, n) without division (Lemire, arXiv 1805.10941), by its high bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/types.h"

struct XXH3_state_s;

namespace remapd {

constexpr std::uint64_t mix64(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return x;
}

// The inverse of mix64.
constexpr std::uint64_t unmix64(std::uint64_t x) {
  x ^= x >> 31 ^ x >> 62;
  x *= 0x319642b2d24d8ec3ULL;
  x ^= x >> 27 ^ x >> 54;
  x *= 0x96de1b173f119089ULL;
  x ^= x >> 30 ^ x >> 60;
  return x;
}
static_assert(unmix64(mix64(0x0123456789abcdefULL)) == 0x0123456789abcdefULL);

constexpr std::uint64_t hash_id(Id id, std::uint64_t seed) {
  return mix64(id + 0x9e3779b97f4a7c15ULL * (seed + 1));
}

constexpr std::uint32_t reduce(std::uint64_t hash, std::uint32_t n) {
  return static_cast<std::uint32_t>(((hash >> 32) * n) >> 32);
}

// The seed of ids that are text; a producer that hashes its own strings must use it.
inline constexpr std::uint64_t kStringIdSeed = 0x72656d6170640001ULL;  // "remapd", version 1

std::uint64_t hash_text(std::string_view text, std::uint64_t seed = kStringIdSeed);

// XXH3-64 of bytes: the checksum of every persisted format.
std::uint64_t checksum(std::span<const std::byte> bytes);

// The same of bytes that come in pieces.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void add(std::span<const std::byte> piece);
  std::uint64_t value() const;  // of all so far

 private:
  XXH3_state_s* state_;
};

}  // namespace remapd
