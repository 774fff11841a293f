#include "tests/quality/co_clusters.h"

#include <array>
#include <cstdint>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace remapd::quality {
namespace {

constexpr std::uint32_t kGroups = 12;
constexpr std::uint32_t kUsers = 6;  // of a group
constexpr std::uint32_t kItems = 5;

// Groups whose users see only their own group's items, all of them, as often as the others.
CoAccessCounts separate_groups() {
  CoAccessCounts counts(std::array{kGroups * kUsers, kGroups * kItems});
  for (std::uint32_t user = 0; user < kGroups * kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      counts.add(0, user, 1, user / kUsers * kItems + item);
    }
  }
  return counts;
}

TEST(CoAccessCounts, CountsEachPairOnceWhicheverWayRound) {
  CoAccessCounts counts(std::array{3u, 2u});
  counts.add(0, 2, 1, 0);
  counts.add(1, 0, 0, 2);
  counts.add(0, 1, 1, 1);
  const std::vector<CoAccessCounts::Edge> edges = counts.edges();
  ASSERT_EQ(edges.size(), 2u);
  EXPECT_EQ(edges[0].first, 1u);
  EXPECT_EQ(edges[0].second, 4u);
  EXPECT_EQ(edges[0].weight, 1);
  EXPECT_EQ(edges[1].first, 2u);
  EXPECT_EQ(edges[1].second, 3u);
  EXPECT_EQ(edges[1].weight, 2);
}

TEST(RowsByCoClusters, GivesEachGroupOneRowInEachTable) {
  const auto sides = rows_by_co_clusters(separate_groups(), 2 * kGroups, 1);
  ASSERT_TRUE(sides.has_value()) << sides.error().message;
  ASSERT_EQ(sides->size(), 2u);
  const std::array members{kUsers, kItems};
  for (std::size_t side = 0; side < 2; ++side) {
    const evaluation::RowsOfIds& rows = (*sides)[side];
    EXPECT_EQ(rows.rows, kGroups);
    ASSERT_EQ(rows.first.size(), kGroups * members[side]);
    std::set<std::uint32_t> seen;
    for (std::uint32_t id = 0; id < rows.first.size(); ++id) {
      EXPECT_EQ(rows.first[id], rows.first[id / members[side] * members[side]]) << "id " << id;
      seen.insert(rows.first[id].value);
    }
    EXPECT_EQ(seen.size(), kGroups);
    EXPECT_LT(*seen.rbegin(), rows.rows);
  }
}

TEST(RowsByCoClusters, UsesMoreRowsWhenThereAreMore) {
  constexpr std::uint64_t kIds = kGroups * (kUsers + kItems);
  const auto sides = rows_by_co_clusters(separate_groups(), kIds, 1);
  ASSERT_TRUE(sides.has_value()) << sides.error().message;
  EXPECT_EQ(std::uint64_t{(*sides)[0].rows} + (*sides)[1].rows, kIds);
}

TEST(RowsByCoClusters, SaysHowManyRowsSeparatePartsNeed) {
  const auto sides = rows_by_co_clusters(separate_groups(), 2 * kGroups - 1, 1);
  ASSERT_FALSE(sides.has_value());
  EXPECT_EQ(sides.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(sides.error().message.find("24 rows"), std::string::npos) << sides.error().message;
}

}  // namespace
}  // namespace remapd::quality
