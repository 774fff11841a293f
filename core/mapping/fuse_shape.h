// FuseShape: the layout of a compact artifact's body: binary fuse retrieval, docs/formats.md
// "Compact layout".
//
// T. M. Graf and D. Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", ACM Journal
// of Experimental Algorithmics 27 (2022), with a value beside the fingerprint: an id has three
// slots, one in each of three successive segments, whose XOR is the id's fingerprint and row. Ids
// are divided into shards, each solved by itself. Distinct ids have distinct keys, because every
// hash is a bijection of 64-bit words, so that a shard is solved after a few seeds.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/hash.h"
#include "core/base/types.h"

namespace remapd::mapping {

struct FuseShape {
  static constexpr std::uint32_t kFingerprintBits = 12;
  static constexpr std::uint32_t kMinSegmentBits = 3;
  static constexpr std::uint32_t kMaxSegmentBits = 18;
  static constexpr std::uint64_t kMaxSlots = std::uint64_t{1} << 20;  // of a shard
  static constexpr std::uint32_t kLineBytes = 64;

  std::uint32_t shards = 0;        // 0: no ids
  std::uint32_t segment_bits = 0;  // binary logarithm of the slots in a segment
  std::uint32_t segments = 0;      // of a shard, at least 3
  std::uint32_t seed = 0;          // of the hash that deals ids out to shards
  std::uint32_t row_bits = 0;

  std::uint32_t slot_bits() const { return kFingerprintBits + row_bits; }
  std::uint64_t slots() const { return std::uint64_t{segments} << segment_bits; }
  // The shards' seeds come first. A shard's slots are followed by 8 bytes or more that are unused,
  // so that a slot can be read as part of an 8-byte word.
  std::uint64_t seeds_bytes() const { return lines(std::uint64_t{shards} * 4); }
  std::uint64_t shard_bytes() const { return lines(slots() * slot_bits() / 8 + 8); }
  std::uint64_t bytes() const { return seeds_bytes() + shards * shard_bytes(); }

  bool sound() const {
    if (shards == 0) return segment_bits == 0 && segments == 0 && seed == 0;
    return segment_bits >= kMinSegmentBits && segment_bits <= kMaxSegmentBits && segments >= 3 &&
           slots() <= kMaxSlots;
  }

  std::uint64_t hash_of(Id id) const { return hash_id(id, seed); }
  std::uint32_t shard_of(std::uint64_t hash) const { return reduce(hash, shards); }
  static std::uint64_t key_of(std::uint64_t hash, std::uint32_t shard_seed) {
    return hash_id(hash, shard_seed);
  }
  static std::uint32_t fingerprint_of(std::uint64_t key) {
    return static_cast<std::uint32_t>(key >> 32) & ((1U << kFingerprintBits) - 1);
  }
  // Within the shard; the first slot determines the three segments.
  std::array<std::uint32_t, 3> slots_of(std::uint64_t key) const {
    const std::uint32_t segment = 1U << segment_bits;
    const std::uint32_t mask = segment - 1;
    const std::uint32_t first = reduce(key, static_cast<std::uint32_t>(slots()) - 2 * segment);
    return {first, (first + segment) ^ (static_cast<std::uint32_t>(key >> 18) & mask),
            (first + 2 * segment) ^ (static_cast<std::uint32_t>(key) & mask)};
  }

 private:
  static std::uint64_t lines(std::uint64_t bytes) {
    return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
  }
};

}  // namespace remapd::mapping
