#include "core/placement/cluster_refinement.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace remapd::placement {
namespace {

const std::vector<float> kPoints{0, 0.1F, 0.2F, 10, 10.1F, 10.2F, 9.9F};
const std::vector<float> kOnes(7, 1.0F);

RefinementInput input(double hysteresis, double budget) {
  return {.points = kPoints,
          .weights = kOnes,
          .traffic = kOnes,
          .dimension = 1,
          .clusters = 2,
          .hysteresis = hysteresis,
          .churn_budget = budget};
}

TEST(RefineClusters, NewIdsJoinTheNearestClusterForFree) {
  std::vector<std::uint32_t> assignment{0, 0, kUnassigned, 1, 1, kUnassigned, kUnassigned};
  refine_clusters(input(0.3, 0), assignment);
  EXPECT_EQ(assignment, (std::vector<std::uint32_t>{0, 0, 0, 1, 1, 1, 1}));
}

TEST(RefineClusters, MovesWhatFitsBetterElsewhereWithinTheBudget) {
  const std::vector<std::uint32_t> wrong{0, 0, 1, 1, 1, 1, 1};  // point 2 belongs to cluster 0
  std::vector<std::uint32_t> frozen = wrong;
  refine_clusters(input(0.3, 0), frozen);
  EXPECT_EQ(frozen, wrong);
  std::vector<std::uint32_t> free = wrong;
  refine_clusters(input(0.3, 1), free);
  EXPECT_EQ(free[2], 0U);
}

TEST(RefineClusters, HysteresisHoldsMarginalMoves) {
  const std::vector<float> points{0, 4, 6, 10};  // means: 2 and 8; 4 and 6 are well placed
  const std::vector<float> ones(4, 1.0F);
  std::vector<std::uint32_t> assignment{0, 1, 0, 1};  // means 3 and 7
  RefinementInput in{.points = points,
                     .weights = ones,
                     .traffic = ones,
                     .dimension = 1,
                     .clusters = 2,
                     .hysteresis = 0.95,
                     .churn_budget = 10};
  refine_clusters(in, assignment);
  EXPECT_EQ(assignment, (std::vector<std::uint32_t>{0, 1, 0, 1}));
  in.hysteresis = 0.3;
  refine_clusters(in, assignment);
  EXPECT_EQ(assignment, (std::vector<std::uint32_t>{0, 0, 1, 1}));
}

TEST(RefineClusters, EmptyClustersGoToTheWorstFitting) {
  std::vector<std::uint32_t> assignment(7, 0);  // cluster 1 is empty
  refine_clusters(input(0.3, 10), assignment);
  EXPECT_EQ(std::count(assignment.begin(), assignment.end(), 1U), 1);
}

TEST(RefineClusters, StartsFromNothing) {
  std::vector<std::uint32_t> assignment(7, kUnassigned);
  refine_clusters(input(0.3, 100), assignment);
  for (const std::uint32_t c : assignment) EXPECT_LT(c, 2U);
}

TEST(RelativeDistortion, IsNoneForPerfectAndAllForOneCluster) {
  const std::vector<float> points{1, 1, 5, 5};
  const std::vector<float> ones(4, 1.0F);
  const std::vector<std::uint32_t> perfect{0, 0, 1, 1};
  const std::vector<std::uint32_t> single(4, 0);
  EXPECT_NEAR(cluster_means(points, ones, 1, 2, perfect).distortion, 0.0, 1e-9);
  EXPECT_NEAR(cluster_means(points, ones, 1, 1, single).distortion, 1.0, 1e-9);
}

TEST(MatchClusters, KeepsNumbersByCommonTraffic) {
  const std::vector<std::uint32_t> old{5, 5, 2, 2, kUnassigned};
  const std::vector<float> traffic{1, 1, 3, 1, 1};
  std::vector<std::uint32_t> assignment{0, 0, 1, 1, 2};
  match_clusters(old, traffic, 6, assignment);
  EXPECT_EQ(assignment[0], 5U);
  EXPECT_EQ(assignment[1], 5U);
  EXPECT_EQ(assignment[2], 2U);
  EXPECT_EQ(assignment[3], 2U);
  EXPECT_LT(assignment[4], 6U);
  EXPECT_NE(assignment[4], 5U);
  EXPECT_NE(assignment[4], 2U);
}

}  // namespace
}  // namespace remapd::placement
