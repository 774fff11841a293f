// Results that must not depend on the processor, pinned: this file is also compiled with
// REMAPD_PORTABLE, for which the same values must come out.
#include <bit>

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"
#include "core/placement/centroid_block.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
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
  const placement::CentroidBlock block(plain_points(301, kDimension, 1), kDimension);
  const auto points = plain_points(kPoints, kDimension, 2);
  std::vector<placement::CentroidBlock::Nearest> nearest(kPoints);
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

TEST(SameBits, OfLookups) {
  const struct {
    std::uint32_t rows;
    ArtifactKind kind;
    std::uint64_t expected;
  } cases[] = {{1'000, ArtifactKind::kFast, 12404147707145494536U},
               {1U << 24, ArtifactKind::kFast, 18069547061171896728U},
               {1'000, ArtifactKind::kCompact, 8896616640406953738U}};
  for (const auto& c : cases) {
    const Mapping mapping = random_mapping(30'000, c.rows, 3);
    const Bytes bytes = encode_artifact(mapping, c.kind);
    const auto view = ArtifactView::open(bytes, Verify::kAll);
    ASSERT_TRUE(view);
    std::vector<Id> ids = mapping.ids;
    Random random(4);
    for (int i = 0; i < 30'000; ++i) ids.push_back(random.next());
    std::vector<Row> rows(ids.size());
    view->lookup(ids, rows);
    std::uint64_t sum = checksum(bytes);
    for (const Row row : rows) sum = mix64(sum + row.value);
    EXPECT_EQ(sum, c.expected) << c.rows << " rows, " << to_string(c.kind);
  }
}

}  // namespace
}  // namespace remapd::mapping
