// copy_others(): copies a short list without one value, branchless. O(list).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#if defined(__SSSE3__) && !defined(REMAPD_PORTABLE)
#include <tmmintrin.h>
#endif

#include "core/embedding/co_access_snapshot.h"

namespace remapd::embedding {

// Entries behind the end that are read of the list and written of the copy: both need this room.
inline constexpr std::size_t kCopyRoom = 4;

inline std::uint32_t copy_others_portable(std::span<const Node> list, Node left_out, Node* copy) {
  std::uint32_t n = 0;
  for (const Node node : list) {
    copy[n] = node;
    n += node != left_out ? 1 : 0;
  }
  return n;
}

#if defined(__SSSE3__) && !defined(REMAPD_PORTABLE)
namespace copy_others_detail {

using Shuffle = std::array<std::uint8_t, 16>;

// For every set of lanes, as bits: the bytes that bring them side by side.
inline constexpr auto kShuffles = [] {
  std::array<Shuffle, 16> out{};
  for (std::uint32_t set = 0; set < 16; ++set) {
    std::size_t at = 0;
    for (std::uint32_t lane = 0; lane < 4; ++lane) {
      if ((set >> lane & 1) == 0) continue;
      for (std::uint32_t byte = 0; byte < 4; ++byte) {
        out[set][at++] = static_cast<std::uint8_t>(lane * 4 + byte);
      }
    }
  }
  return out;
}();

}  // namespace copy_others_detail
#endif

// Copies the entries that differ from `left_out`, in order; returns their number. The portable form
// has the same result.
inline std::uint32_t copy_others(std::span<const Node> list, Node left_out, Node* copy) {
#if defined(__SSSE3__) && !defined(REMAPD_PORTABLE)
  const __m128i out = _mm_set1_epi32(static_cast<int>(left_out));
  std::uint32_t n = 0;
  for (std::size_t at = 0; at < list.size(); at += 4) {
    const __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i*>(list.data() + at));
    const auto equal =
        static_cast<std::uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(some, out))));
    const std::uint32_t there = (1U << std::min<std::size_t>(list.size() - at, 4)) - 1;
    const std::uint32_t set = ~equal & there;
    const auto& bytes = copy_others_detail::kShuffles[set];
    const __m128i shuffle = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data()));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(copy + n), _mm_shuffle_epi8(some, shuffle));
    n += static_cast<std::uint32_t>(std::popcount(set));
  }
  return n;
#else
  return copy_others_portable(list, left_out, copy);
#endif
}

}  // namespace remapd::embedding
