// Updates a clustering instead of building it from scratch: unassigned points join the nearest
// cluster, points move to a nearer cluster within the churn budget, empty clusters get the points
// that fit worst.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/placement/members.h"

namespace remapd::placement {

struct RefinementInput {
  std::span<const float> points;   // row-major, n x dimension
  std::span<const float> weights;  // n, > 0: how much a point counts for its centroid
  std::span<const float> traffic;  // n: what moving a point takes from the churn budget
  std::size_t dimension = 0;
  std::uint32_t clusters = 0;
  double hysteresis = 0;    // move only if the squared distance falls by this share
  double churn_budget = 0;  // traffic that may move; placing unassigned points takes nothing
  std::span<const std::uint8_t> may_move{};  // n flags; empty: all may. Unassigned points always do
  std::uint64_t seed = 1;
};

// Updates `assignment` (n entries < clusters, or kUnassigned) in place; afterwards every point is
// assigned. O(n sqrt(clusters) dimension).
void refine_clusters(const RefinementInput& input, std::span<std::uint32_t> assignment);

struct ClusterMeans {
  std::vector<float> means;  // row-major, clusters x dimension; zeros for a cluster without points
  // Weighted mean squared distance of points to their cluster's mean, relative to the distance to
  // the mean of all: 0 = no loss, 1 = no better than one cluster.
  double distortion = 0;
};
ClusterMeans cluster_means(std::span<const float> points, std::span<const float> weights,
                           std::size_t dimension, std::uint32_t clusters,
                           std::span<const std::uint32_t> assignment);

// Renumbers the clusters of `assignment` after those of `old`: pairs of (new, old) cluster are
// matched greedily by common traffic. `old` may hold kUnassigned. O(n log n).
void match_clusters(std::span<const std::uint32_t> old, std::span<const float> traffic,
                    std::uint32_t clusters, std::span<std::uint32_t> assignment);

}  // namespace remapd::placement
