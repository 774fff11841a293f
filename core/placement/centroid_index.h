// Nearest-centroid search over up to millions of centroids.
//
// Two levels: the centroids are grouped by k-means into about sqrt(C) groups; a query ranks the
// groups and searches the nearest `probes` of them exactly. Cost of a query: O(d * sqrt(C) *
// (1 + probes)). With C <= kFlatLimit the search is flat and exact. Points are best asked for
// together, some ten thousand at a time: a group's centroids are then read once for all its points.
// That does not change what is found.
//
// Immutable once made; safe to query from any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/placement/centroid_block.h"

namespace remapd::placement {

class CentroidIndex {
 public:
  using Nearest = CentroidBlock::Nearest;
  static constexpr std::size_t kFlatLimit = 256;

  CentroidIndex(std::span<const float> centroids, std::size_t dimension, std::uint64_t seed);

  static constexpr std::uint32_t kProbes = 4;

  Nearest nearest(const float* point, std::uint32_t probes = kProbes) const;
  // points: row-major, out.size() x dimension.
  void nearest(std::span<const float> points, std::span<Nearest> out,
               std::uint32_t probes = kProbes) const;

 private:
  struct Group {
    CentroidBlock block;
    std::vector<std::uint32_t> members;  // positions in the caller's centroids, ascending
  };
  std::size_t dimension_;
  std::vector<CentroidBlock> top_;  // one block of group centroids, or none when flat
  std::vector<Group> groups_;
};

}  // namespace remapd::placement
