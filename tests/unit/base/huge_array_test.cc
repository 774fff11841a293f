#include "core/base/huge_array.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include <gtest/gtest.h>

namespace remapd {
namespace {

struct alignas(64) Line {
  std::uint64_t words[8];
};

TEST(HugeArray, IsZeroAndAligned) {
  for (const std::size_t size : {1UL, 100UL, 70'000UL, 300'000UL}) {
    HugeArray<Line> lines(size);
    EXPECT_EQ(lines.size(), size);
    EXPECT_EQ(lines.memory_bytes(), size * 64);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lines.data()) % 64, 0U);
    EXPECT_TRUE(std::all_of(lines.span().begin(), lines.span().end(), [](const Line& line) {
      return std::all_of(line.words, line.words + 8, [](std::uint64_t w) { return w == 0; });
    }));
    for (Line& line : lines.span()) line.words[7] = 1;
    EXPECT_EQ(lines[size - 1].words[7], 1U);
  }
}

TEST(HugeArray, LargeArraysStartOnAHugePage) {
  const HugeArray<std::uint8_t> bytes(std::size_t{2} << 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % (2 << 20), 0U);
}

TEST(HugeArray, MovesWithoutCopying) {
  HugeArray<int> a(10);
  a[3] = 7;
  const int* place = a.data();
  HugeArray<int> b(std::move(a));
  EXPECT_EQ(b.data(), place);
  HugeArray<int> c;
  EXPECT_EQ(c.size(), 0U);
  EXPECT_TRUE(c.span().empty());
  c = std::move(b);
  EXPECT_EQ(c[3], 7);
  EXPECT_EQ(c.size(), 10U);
}

TEST(HugeArray, ThrowsWhenThereIsNoRoom) {
  EXPECT_THROW(HugeArray<std::uint8_t>(std::numeric_limits<std::size_t>::max() / 2),
               std::bad_alloc);
  EXPECT_THROW(HugeArray<std::uint8_t>(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
}

}  // namespace
}  // namespace remapd
