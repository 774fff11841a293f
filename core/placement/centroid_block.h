// CentroidBlock: exhaustive nearest-centroid search, O(count * dimension) a point; for up to a few
// thousand centroids.
//
// Results are the same on every instruction set, and for a point alone or among many. Immutable;
// const calls are thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace remapd::placement {

class CentroidBlock {
 public:
  struct Nearest {
    std::uint32_t index = 0;
    float distance = 0;  // squared
  };

  static constexpr std::size_t kMaxDimension = 128;
  static constexpr std::size_t kMaxFew = 16;

  // `centroids` is row-major, count x dimension; count > 0; dimension <= kMaxDimension.
  CentroidBlock(std::span<const float> centroids, std::size_t dimension);

  std::size_t size() const { return size_; }
  // The nearest centroid; of several the lowest index. `point` has `dimension` floats.
  Nearest nearest(const float* point) const;
  // The same for many points, row-major, out.size() x dimension: faster than one by one.
  void nearest(std::span<const float> points, std::span<Nearest> out) const;
  // The `few` nearest of each point, nearest first: row-major, points x few; few <= size() and
  // kMaxFew.
  void nearest_few(std::span<const float> points, std::size_t few,
                   std::span<std::uint32_t> out) const;

 private:
  std::size_t size_;
  std::size_t dimension_;
  std::vector<float> blocks_;  // per 16 centroids: 16 squared norms, then dimension x 16 values
};

}  // namespace remapd::placement
