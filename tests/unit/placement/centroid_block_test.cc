#include "core/placement/centroid_block.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/placement/random_points.h"

namespace remapd::placement {
namespace {

float squared(const float* a, const float* b, std::size_t d) {
  float sum = 0;
  for (std::size_t k = 0; k < d; ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

TEST(CentroidBlock, FindsTheNearestOfEverySize) {
  constexpr std::size_t d = 5;
  for (const std::size_t n : {1UL, 2UL, 15UL, 16UL, 17UL, 100UL}) {
    const auto centroids = random_points(n, d, n);
    const CentroidBlock block(centroids, d);
    const auto queries = random_points(50, d, 99);
    for (std::size_t q = 0; q < 50; ++q) {
      const float* point = queries.data() + q * d;
      std::size_t best = 0;
      for (std::size_t c = 1; c < n; ++c) {
        if (squared(point, &centroids[c * d], d) < squared(point, &centroids[best * d], d))
          best = c;
      }
      const auto found = block.nearest(point);
      EXPECT_EQ(found.index, best) << "n = " << n;
      EXPECT_NEAR(found.distance, squared(point, &centroids[best * d], d), 1e-4);
    }
  }
}

// Points are searched eight at a time and the rest alone: the same answers, to the last bit.
TEST(CentroidBlock, FindsTheSameForManyPointsAsOneByOne) {
  constexpr std::size_t d = 7;
  const CentroidBlock block(random_points(100, d, 5), d);
  for (const std::size_t n : {1UL, 7UL, 8UL, 9UL, 21UL}) {
    const auto points = random_points(n, d, n);
    std::vector<CentroidBlock::Nearest> found(n);
    block.nearest(points, found);
    for (std::size_t i = 0; i < n; ++i) {
      const auto alone = block.nearest(points.data() + i * d);
      EXPECT_EQ(found[i].index, alone.index);
      EXPECT_EQ(found[i].distance, alone.distance);
    }
  }
}

TEST(CentroidBlock, TakesTheLowestOfEqualCentroids) {
  const std::vector<float> same(40, 1.0F);
  const float point[] = {2.0F};
  EXPECT_EQ(CentroidBlock(same, 1).nearest(point).index, 0U);
}

TEST(CentroidBlock, RanksTheNearestFew) {
  constexpr std::size_t d = 5;
  for (const std::size_t size : {1UL, 4UL, 16UL, 40UL, 333UL}) {
    const auto centroids = random_points(size, d, size);
    const CentroidBlock block(centroids, d);
    for (const std::size_t n : {1UL, 8UL, 13UL}) {
      const auto points = random_points(n, d, 50 + n);
      const std::size_t few = std::min<std::size_t>(size, 4);
      std::vector<std::uint32_t> found(n * few);
      block.nearest_few(points, few, found);
      for (std::size_t p = 0; p < n; ++p) {
        std::vector<std::pair<float, std::uint32_t>> all;
        for (std::uint32_t c = 0; c < size; ++c) {
          all.emplace_back(squared(&points[p * d], &centroids[c * d], d), c);
        }
        std::sort(all.begin(), all.end());
        for (std::size_t f = 0; f < few; ++f) EXPECT_EQ(found[p * few + f], all[f].second);
      }
    }
  }
}

}  // namespace
}  // namespace remapd::placement
