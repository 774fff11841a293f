// Thinning: which of an id's accesses are learned, and for how many each of these stands.
//
// The first 2^(n + 1) are learned; then, as their number doubles, one of every 2, 4, 8, ... for all
// of them, so that 2^n of each doubling are. Which one is drawn for every such block of accesses
// anew, by a hash of the id and the block: no period of the stream can hide from it, and nothing
// depends on how the stream is cut into batches.
#pragma once

#include <cstdint>
#include <span>

#include "core/embedding/co_access_snapshot.h"

namespace remapd::embedding {

inline constexpr std::uint8_t kNotLearned = 0xff;

// For each access, of node `first` + its slot and after so many accesses of that node, itself
// included (< 2^31): the binary logarithm of how many it stands for, or kNotLearned. The spans are
// of one length.
void thin(Node first, std::span<const std::uint32_t> slots, std::span<const std::uint32_t> counts,
          std::uint32_t log2_learned, std::span<std::uint8_t> stands_for);

}  // namespace remapd::embedding
