// Thinning: which of an id's accesses are learned, and for how many each of these stands.
//
// The first 2^(n + 1) are learned; then, as their number doubles, one of every 2, 4, 8, ... for all
// of them, so that 2^n of each doubling are. Which one is drawn for every such block of accesses
// anew, by a hash of the id and the block: no period of the stream can hide from it, and nothing
// depends on how the stream is cut into batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/embedding/co_access_snapshot.h"
#include "core/sketch/tracked_ids.h"

namespace remapd::embedding {

inline constexpr std::uint8_t kNotLearned = 0xff;

// For each access, of node `first` + its slot and after so many accesses of that node, itself
// included (< 2^31): the binary logarithm of how many it stands for, or kNotLearned, as always
// without a slot. The spans are of one length.
void thin(Node first, std::span<const std::uint32_t> slots, std::span<const std::uint32_t> counts,
          std::uint32_t log2_learned, std::span<std::uint8_t> stands_for);

// Bit i: access i is learned. The second form is for processors of any kind, with the same result.
inline constexpr std::size_t kLearnedMask = 64;
std::uint64_t learned(std::span<const std::uint8_t, kLearnedMask> stands_for);
std::uint64_t learned_portable(std::span<const std::uint8_t, kLearnedMask> stands_for);

}  // namespace remapd::embedding
