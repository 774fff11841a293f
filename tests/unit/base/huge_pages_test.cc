#include "core/base/huge_pages.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace remapd {
namespace {

TEST(HugePages, AreAdvisedWithoutHarmInBuffersOfAnyPlaceAndSize) {
  for (const std::size_t size : {0UL, 1UL, 4096UL, 3UL << 20, (9UL << 20) + 5}) {
    std::vector<std::uint8_t> bytes(size, 7);
    advise_huge_pages(bytes.data(), bytes.size());
    EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 7), static_cast<std::ptrdiff_t>(size));
  }
}

}  // namespace
}  // namespace remapd
