#include "core/placement/centroid_index.h"

#include <gtest/gtest.h>

#include "tests/unit/placement/random_points.h"

namespace remapd::placement {
namespace {

TEST(CentroidIndex, IsNearlyExactBeyondTheFlatLimit) {
  constexpr std::size_t d = 8;
  const auto centroids = random_points(2000, d, 1);
  const CentroidIndex index(centroids, d, 7);
  const CentroidBlock exact(centroids, d);
  const auto queries = random_points(500, d, 2);
  int agree = 0;
  double found = 0;
  double best = 0;
  for (std::size_t q = 0; q < 500; ++q) {
    const auto a = index.nearest(queries.data() + q * d);
    const auto b = exact.nearest(queries.data() + q * d);
    agree += a.index == b.index ? 1 : 0;
    found += a.distance;
    best += b.distance;
    EXPECT_GE(a.distance, b.distance * 0.999F);
  }
  EXPECT_GT(agree, 250);
  EXPECT_LT(found, best * 1.15);
}

// A group's centroids are read once for all points that probe it: the same answers, to the last
// bit, as for each point alone.
TEST(CentroidIndex, FindsTheSameForManyPointsAsOneByOne) {
  constexpr std::size_t d = 6;
  for (const std::size_t centroids : {3UL, 256UL, 257UL, 1500UL}) {
    const CentroidIndex index(random_points(centroids, d, centroids), d, 3);
    for (const std::size_t n : {0UL, 1UL, 9UL, 700UL}) {
      const auto points = random_points(n, d, n + 1);
      for (const std::uint32_t probes : {1U, 4U, 100U}) {
        std::vector<CentroidIndex::Nearest> found(n);
        index.nearest(points, found, probes);
        for (std::size_t i = 0; i < n; ++i) {
          const auto alone = index.nearest(points.data() + i * d, probes);
          ASSERT_EQ(found[i].index, alone.index);
          ASSERT_EQ(found[i].distance, alone.distance);
        }
      }
    }
  }
}

}  // namespace
}  // namespace remapd::placement
