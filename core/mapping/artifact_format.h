// The artifact's bytes: header fields and the two kinds of lines. docs/formats.md "Mapping
// artifact".
//
// A line is 64 bytes: a word of flags and the number of entries, then the entries' fingerprints,
// then their rows.
//   narrow: tables of at most 2^23 rows; 10 entries of 48 bits. The first 16 bits of the
//   fingerprints stand together, so that one comparison tests them all; the rest of a fingerprint
//   shares a word with the row.
//   wide: 7 entries of 32 bits of fingerprint and 32 bits of row.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__) && !defined(REMAPD_PORTABLE)
#include <emmintrin.h>
#endif

#include "core/base/hash.h"
#include "core/base/types.h"

namespace remapd::mapping::format {

inline constexpr char kMagic[8] = {'R', 'M', 'P', 'D', 'M', 'A', 'P', '1'};
inline constexpr std::uint32_t kFormat = 1;
inline constexpr std::size_t kLineBytes = 64;
inline constexpr std::size_t kFixedHeaderBytes = 152;
inline constexpr std::size_t kHeaderChecksumAt = 24;  // 0 there while the sum is taken
inline constexpr std::uint32_t kMaxNameBytes = 4096;
inline constexpr double kLoad = 0.8;

inline constexpr std::uint32_t kNarrow = 0;
inline constexpr std::uint32_t kWide = 1;
inline constexpr std::uint32_t kFuse = 2;  // no lines: fuse_shape.h
inline constexpr std::uint32_t kNarrowRowBits = 23;

inline constexpr std::uint32_t kCountMask = 0xff;
inline constexpr std::uint32_t kOverflow = 1U << 8;    // an entry may stand in the next line
inline constexpr std::uint32_t kExceptions = 1U << 9;  // an id with this home is in the list

constexpr std::uint32_t row_bits_for(std::uint32_t rows) {
  return std::max(1U, static_cast<std::uint32_t>(std::bit_width(rows - 1)));
}
constexpr std::uint32_t layout_for(std::uint32_t row_bits) {
  return row_bits <= kNarrowRowBits ? kNarrow : kWide;
}

// Which tags of a narrow line equal `tag`, and which fingerprints of a wide line equal the given
// one: bit i for entry i. The bits of tags_equal() behind the first ten are undefined. With SSE2
// either takes two loads; wider registers would not help.
inline std::uint32_t tags_equal_portable(const std::byte* line, std::uint16_t tag) {
  std::uint32_t mask = 0;
  for (std::uint32_t i = 0; i < 10; ++i) {
    std::uint16_t other;
    std::memcpy(&other, line + 4 + 2 * i, 2);
    mask |= static_cast<std::uint32_t>(other == tag) << i;
  }
  return mask;
}

inline std::uint32_t tags_equal(const std::byte* line, std::uint16_t tag) {
#if defined(__SSE2__) && !defined(REMAPD_PORTABLE)
  const __m128i want = _mm_set1_epi16(static_cast<short>(tag));
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line + 4));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line + 20));
  return static_cast<std::uint32_t>(
      _mm_movemask_epi8(_mm_packs_epi16(_mm_cmpeq_epi16(low, want), _mm_cmpeq_epi16(high, want))));
#else
  return tags_equal_portable(line, tag);
#endif
}

inline std::uint32_t fingerprints_equal_portable(const std::byte* line, std::uint32_t fingerprint) {
  std::uint32_t mask = 0;
  for (std::uint32_t i = 0; i < 7; ++i) {
    std::uint32_t other;
    std::memcpy(&other, line + 4 + 4 * i, 4);
    mask |= static_cast<std::uint32_t>(other == fingerprint) << i;
  }
  return mask;
}

inline std::uint32_t fingerprints_equal(const std::byte* line, std::uint32_t fingerprint) {
#if defined(__SSE2__) && !defined(REMAPD_PORTABLE)
  const __m128i want = _mm_set1_epi32(static_cast<int>(fingerprint));
  const auto equal = [&](const std::byte* at) {
    const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    return static_cast<std::uint32_t>(
        _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(four, want))));
  };
  return equal(line + 4) | equal(line + 16) << 3;
#else
  return fingerprints_equal_portable(line, fingerprint);
#endif
}

// Access to the bytes of one line of either kind, for one id's hash. Entry positions are below
// kSlots.
class NarrowLine {
 public:
  static constexpr std::uint32_t kSlots = 10;

  NarrowLine(std::uint64_t hash, std::uint32_t row_bits)
      : tag_(static_cast<std::uint16_t>(hash)),
        rest_(static_cast<std::uint32_t>(hash >> 16) << row_bits),
        row_mask_((1U << row_bits) - 1) {}

  // The position of the entry with this fingerprint, or -1.
  int find(const std::byte* line) const {
    std::uint32_t flags;
    std::memcpy(&flags, line, sizeof(flags));
    const std::uint32_t count = std::min(flags & kCountMask, kSlots);
    for (std::uint32_t candidates = tags_equal(line, tag_) & ((1U << count) - 1); candidates != 0;
         candidates &= candidates - 1) {
      const int i = std::countr_zero(candidates);
      if ((word(line, i) & ~row_mask_) == rest_) return i;
    }
    return -1;
  }
  Row row(const std::byte* line, int i) const { return Row{word(line, i) & row_mask_}; }
  void put(std::byte* line, int i, Row row) const {
    std::memcpy(line + 4 + 2 * i, &tag_, 2);
    const std::uint32_t w = rest_ | row.value;
    std::memcpy(line + 24 + 4 * i, &w, 4);
  }
  // Moves entry `last` to position i.
  static void erase(std::byte* line, int i, int last) {
    std::memmove(line + 4 + 2 * i, line + 4 + 2 * last, 2);
    std::memmove(line + 24 + 4 * i, line + 24 + 4 * last, 4);
    std::memset(line + 4 + 2 * last, 0, 2);
    std::memset(line + 24 + 4 * last, 0, 4);
  }

 private:
  static std::uint32_t word(const std::byte* line, int i) {
    std::uint32_t w;
    std::memcpy(&w, line + 24 + 4 * i, 4);
    return w;
  }

  std::uint16_t tag_;
  std::uint32_t rest_;
  std::uint32_t row_mask_;
};

class WideLine {
 public:
  static constexpr std::uint32_t kSlots = 7;

  WideLine(std::uint64_t hash, std::uint32_t /*row_bits*/)
      : fingerprint_(static_cast<std::uint32_t>(hash)) {}

  int find(const std::byte* line) const {
    const std::uint32_t count = std::min(get(line, 0) & kCountMask, kSlots);
    const std::uint32_t found = fingerprints_equal(line, fingerprint_) & ((1U << count) - 1);
    return found != 0 ? std::countr_zero(found) : -1;
  }
  Row row(const std::byte* line, int i) const {
    return Row{get(line, 32 + 4 * static_cast<std::size_t>(i))};
  }
  void put(std::byte* line, int i, Row row) const {
    std::memcpy(line + 4 + 4 * i, &fingerprint_, 4);
    std::memcpy(line + 32 + 4 * i, &row.value, 4);
  }
  static void erase(std::byte* line, int i, int last) {
    for (const int base : {4, 32}) {
      std::memmove(line + base + 4 * i, line + base + 4 * last, 4);
      std::memset(line + base + 4 * last, 0, 4);
    }
  }

 private:
  static std::uint32_t get(const std::byte* line, std::size_t at) {
    std::uint32_t w;
    std::memcpy(&w, line + at, 4);
    return w;
  }

  std::uint32_t fingerprint_;
};

// Calls fn.operator()<Line>() with the layout's class of lines.
template <class Fn>
auto with_line(std::uint32_t layout, Fn&& fn) {
  return layout == kNarrow ? fn.template operator()<NarrowLine>()
                           : fn.template operator()<WideLine>();
}

inline std::uint32_t flags(const std::byte* line) {
  std::uint32_t f;
  std::memcpy(&f, line, sizeof(f));
  return f;
}
inline void set_flags(std::byte* line, std::uint32_t f) {
  std::memcpy(line, &f, sizeof(f));
}

}  // namespace remapd::mapping::format
