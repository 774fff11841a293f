// Thinning: which of an id's accesses are learned, and how many accesses each stands for.
//
// The first 2^(n + 1) are learned; then, as their number doubles, one of every 2, 4, 8, ...
// accesses, 2^n of each doubling. The one of each block of accesses is drawn by a hash of the node
// and the block: it neither follows a period of the stream nor depends on how the stream is cut
// into batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/embedding/co_access_snapshot.h"
#include "core/sketch/tracked_ids.h"

namespace remapd::embedding {

inline constexpr std::uint8_t kNotLearned = 0xff;

// stands_for[i]: the binary logarithm of how many accesses access i stands for, or kNotLearned.
// Access i is of node first + slots[i] (kNoSlot: not learned) and the counts[i]-th of that node,
// counts[i] < 2^31. log2_learned is n above. The spans have one length.
void thin(Node first, std::span<const std::uint32_t> slots, std::span<const std::uint32_t> counts,
          std::uint32_t log2_learned, std::span<std::uint8_t> stands_for);

// Bit i: access i is learned. The portable form has the same result.
inline constexpr std::size_t kLearnedMask = 64;
std::uint64_t learned(std::span<const std::uint8_t, kLearnedMask> stands_for);
std::uint64_t learned_portable(std::span<const std::uint8_t, kLearnedMask> stands_for);

}  // namespace remapd::embedding
