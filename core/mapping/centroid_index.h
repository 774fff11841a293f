// Nearest-centroid search over up to millions of centroids.
//
// Two levels: the centroids are grouped by k-means into about sqrt(C) groups; a query ranks the
// groups and searches the nearest `probes` of them exactly. Cost of a query: O(d * sqrt(C) *
// (1 + probes)). With C <= kFlatLimit the search is flat and exact. Within a group, centroids are
// stored transposed in blocks of 16, so that one instruction works on 16 centroids; lanes never
// mix, so results are the same on every instruction set.
//
// Immutable once made; safe to query from any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace remapd::mapping {

// Up to a few thousand centroids, searched exhaustively.
class CentroidBlock {
 public:
  struct Nearest {
    std::uint32_t index = 0;
    float distance = 0;  // squared
  };

  static constexpr std::size_t kMaxDimension = 128;

  // `centroids` is row-major, count x dimension; count > 0; dimension <= kMaxDimension.
  CentroidBlock(std::span<const float> centroids, std::size_t dimension);

  std::size_t size() const { return size_; }
  // The lowest index among the nearest. `point` has `dimension` floats.
  Nearest nearest(const float* point) const;
  // The same for many points, row-major, out.size() x dimension: faster than one by one.
  void nearest(std::span<const float> points, std::span<Nearest> out) const;
  // Squared distances to all, for ranking; out.size() == size().
  void distances(const float* point, std::span<float> out) const;

 private:
  std::size_t size_;
  std::size_t dimension_;
  std::vector<float> blocks_;  // per 16 centroids: 16 squared norms, then dimension x 16 values
};

class CentroidIndex {
 public:
  using Nearest = CentroidBlock::Nearest;
  static constexpr std::size_t kFlatLimit = 256;

  CentroidIndex(std::span<const float> centroids, std::size_t dimension, std::uint64_t seed);

  Nearest nearest(const float* point, std::uint32_t probes = 4) const;

 private:
  struct Group {
    CentroidBlock block;
    std::vector<std::uint32_t> members;  // positions in the caller's centroids, ascending
  };
  std::vector<CentroidBlock> top_;  // one block of group centroids, or none when flat
  std::vector<Group> groups_;
};

}  // namespace remapd::mapping
