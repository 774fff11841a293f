// CentroidIndex: approximate nearest-centroid search over up to millions of centroids.
//
// The C centroids are grouped by k-means into about sqrt(C) groups; a query searches the nearest
// `probes` groups exactly. A query is O(d * sqrt(C) * (1 + probes)). With C <= kFlatLimit the
// search is flat and exact. Queries of some ten thousand points at a time are fastest: a group's
// centroids are read once for all its points. Results do not depend on it.
//
// Immutable; const calls are thread safe.
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

  // centroids: row-major, C x dimension, C > 0.
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
