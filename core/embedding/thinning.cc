#include "core/embedding/thinning.h"

#include <algorithm>
#include <bit>

#if defined(__SSE2__) && !defined(REMAPD_PORTABLE)
#include <emmintrin.h>
#endif

#include "core/base/check.h"
#include "core/base/simd.h"

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kMantissaBits = 23;
constexpr std::uint32_t kExponentOfOne = 127;

// By way of floats, for then all of it is done several at a time on any processor: 2^k and the
// binary logarithm are an exponent put together and taken apart.
std::uint32_t power_of_two(std::uint32_t k) {
  return static_cast<std::uint32_t>(
      static_cast<std::int32_t>(std::bit_cast<float>((kExponentOfOne + k) << kMantissaBits)));
}

std::uint32_t exponent_of(std::uint32_t x) {
  return std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(x))) >>
         kMantissaBits;
}

// Its upper bits are good ones (the multipliers are those of Murmur3 and of Fibonacci hashing).
std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
  std::uint32_t x = a * 0x9e3779b1U + b * 0x85ebca6bU;
  x ^= x >> 15;
  x *= 0xc2b2ae35U;
  return x ^ x >> 16;
}

}  // namespace

REMAPD_SIMD_CLONES
void thin(Node first, std::span<const std::uint32_t> slots, std::span<const std::uint32_t> counts,
          std::uint32_t log2_learned, std::span<std::uint8_t> stands_for) {
  REMAPD_CHECK(slots.size() == counts.size() && slots.size() == stands_for.size(),
               "thin() answers for each access");
  const std::uint32_t* const slot_of = slots.data();
  const std::uint32_t* const count_of = counts.data();
  std::uint8_t* const out = stands_for.data();
  const std::uint32_t least = kExponentOfOne + log2_learned;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::uint32_t count = count_of[i];
    const std::uint32_t doublings = std::max(exponent_of(count), least) - least;
    const std::uint32_t within = power_of_two(doublings) - 1;  // a block, counted from its start
    const std::uint32_t draw = mix(first + slot_of[i], count & ~within) >> 4;
    const bool drawn = ((draw ^ count) & within) == 0;
    const std::uint32_t stands_for_all = drawn ? doublings : kNotLearned;
    out[i] =
        static_cast<std::uint8_t>(slot_of[i] == sketch::kNoSlot ? kNotLearned : stands_for_all);
  }
}

std::uint64_t learned_portable(std::span<const std::uint8_t, kLearnedMask> stands_for) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < kLearnedMask; ++i) {
    mask |= std::uint64_t{stands_for[i] != kNotLearned} << i;
  }
  return mask;
}

std::uint64_t learned(std::span<const std::uint8_t, kLearnedMask> stands_for) {
#if defined(__SSE2__) && !defined(REMAPD_PORTABLE)
  const auto* const at = reinterpret_cast<const __m128i*>(stands_for.data());
  const __m128i not_learned = _mm_set1_epi8(static_cast<char>(kNotLearned));
  std::uint64_t mask = 0;
  for (int i = 3; i >= 0; --i) {
    const __m128i are_not = _mm_cmpeq_epi8(_mm_loadu_si128(at + i), not_learned);
    mask = mask << 16 | static_cast<std::uint32_t>(_mm_movemask_epi8(are_not));
  }
  return ~mask;
#else
  return learned_portable(stands_for);
#endif
}

}  // namespace remapd::embedding
