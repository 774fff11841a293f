// Members: the points of each cluster, in the order of the points.
//
//     const Members members = members_of(assignment, clusters);
//     for (const std::uint32_t point : members.of(c)) ...
//
// Sums over a cluster's members in this order are the same for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace remapd::placement {

inline constexpr std::uint32_t kUnassigned = std::numeric_limits<std::uint32_t>::max();

struct Members {
  std::vector<std::uint32_t> begin;   // clusters + 1 positions in `points`
  std::vector<std::uint32_t> points;  // assigned points, cluster after cluster

  std::size_t clusters() const { return begin.size() - 1; }
  std::size_t size(std::size_t cluster) const { return begin[cluster + 1] - begin[cluster]; }
  std::span<const std::uint32_t> of(std::size_t cluster) const {
    return {points.data() + begin[cluster], size(cluster)};
  }

  // fn(point) for each point of the cluster, in order; `values` is row-major, points x dimension.
  // Values are prefetched.
  template <class Fn>
  void for_each(std::size_t cluster, const float* values, std::size_t dimension, Fn&& fn) const {
    constexpr std::size_t kAhead = 12;
    constexpr std::size_t kLine = 64 / sizeof(float);
    for (std::size_t m = begin[cluster]; m < begin[cluster + 1]; ++m) {
      if (m + kAhead < points.size()) {
        const float* next = values + points[m + kAhead] * dimension;
        for (std::size_t k = 0; k < dimension; k += kLine) __builtin_prefetch(next + k);
      }
      fn(std::size_t{points[m]});
    }
  }
};

// assignment[i] is the cluster of point i, below `clusters`, or kUnassigned. O(points + clusters).
inline Members members_of(std::span<const std::uint32_t> assignment, std::size_t clusters) {
  Members out;
  out.begin.assign(clusters + 1, 0);
  for (const std::uint32_t c : assignment) {
    if (c != kUnassigned) ++out.begin[c + 1];
  }
  for (std::size_t c = 0; c < clusters; ++c) out.begin[c + 1] += out.begin[c];
  out.points.resize(out.begin.back());
  std::vector<std::uint32_t> next(out.begin.begin(), out.begin.end() - 1);
  for (std::uint32_t i = 0; i < assignment.size(); ++i) {
    if (assignment[i] != kUnassigned) out.points[next[assignment[i]]++] = i;
  }
  return out;
}

}  // namespace remapd::placement
