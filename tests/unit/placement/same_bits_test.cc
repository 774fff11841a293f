// Results that must not depend on the processor, pinned: this file is also compiled with
// REMAPD_PORTABLE, for which the same values must come out.
#include <bit>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "core/placement/centroid_block.h"

namespace remapd::placement {
namespace {

// Of numbers that no mathematical library has a hand in.
std::vector<float> plain_points(std::size_t n, std::size_t dimension, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> out(n * dimension);
  for (float& x : out) x = static_cast<float>(random.below(2'001)) / 1'000 - 1;
  return out;
}

TEST(SameBits, OfNearestCentroids) {
  constexpr std::size_t kDimension = 17;
  constexpr std::size_t kPoints = 1'000;
  constexpr std::size_t kFew = 5;
  const CentroidBlock block(plain_points(301, kDimension, 1), kDimension);
  const auto points = plain_points(kPoints, kDimension, 2);
  std::vector<CentroidBlock::Nearest> nearest(kPoints);
  block.nearest(points, nearest);
  std::vector<std::uint32_t> few(kPoints * kFew);
  block.nearest_few(points, kFew, few);
  std::uint64_t sum = 0;
  for (const auto& found : nearest) {
    sum = mix64(sum + found.index) + std::bit_cast<std::uint32_t>(found.distance);
  }
  for (const std::uint32_t index : few) sum = mix64(sum + index);
  EXPECT_EQ(sum, 8147612223764676811U);
}

}  // namespace
}  // namespace remapd::placement
