#include "core/embedding/thinning.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "core/base/check.h"

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kMantissaBits = 23;
constexpr std::int32_t kExponentOfOne = 127;
constexpr std::uint32_t kGoldenRatio = 0x9e3779b1;  // its fraction, of 2^32
constexpr std::int32_t kDrawBits = 24;              // as many as a float holds

// By way of floats, for then all of it is done several at a time on any processor: powers of two
// and binary logarithms are exponents put together and taken apart. Exact up to 2^24 accesses.
float power_of_two(std::int32_t k) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(kExponentOfOne + k) << kMantissaBits);
}

float to_float(std::uint32_t x) {
  return static_cast<float>(static_cast<std::int32_t>(x));
}

std::uint32_t to_int(float x) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(x));
}

std::int32_t exponent_of(std::uint32_t x) {
  return static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(to_float(x)) >> kMantissaBits);
}

std::uint32_t mix(std::uint32_t x) {  // the multipliers are Murmur3's
  x *= 0x85ebca6bU;
  x ^= x >> 15;
  x *= 0xc2b2ae35U;
  return x ^ x >> 16;
}

}  // namespace

void thin(Node first, std::span<const std::uint32_t> slots, std::span<const std::uint32_t> counts,
          std::uint32_t log2_learned, std::span<std::uint8_t> stands_for) {
  REMAPD_CHECK(slots.size() == counts.size() && slots.size() == stands_for.size(),
               "thin() answers for each access");
  const std::uint32_t* const slot_of = slots.data();
  const std::uint32_t* const count_of = counts.data();
  std::uint8_t* const out = stands_for.data();
  const std::int32_t least = kExponentOfOne + static_cast<std::int32_t>(log2_learned);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::uint32_t count = count_of[i];
    const std::int32_t doublings = std::max(exponent_of(count), least) - least;
    const std::uint32_t within = to_int(power_of_two(doublings)) - 1;
    const std::uint32_t block = to_int(to_float(count & ~within) * power_of_two(-doublings));
    const std::uint32_t draw = mix(first + slot_of[i]) + block * kGoldenRatio;
    const std::uint32_t drawn =
        to_int(to_float(draw >> (32 - kDrawBits)) * power_of_two(doublings - kDrawBits));
    out[i] = static_cast<std::uint8_t>((count & within) == drawn ? doublings : kNotLearned);
  }
}

}  // namespace remapd::embedding
