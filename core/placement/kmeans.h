// Weighted k-means (Lloyd's algorithm), flat and hierarchical.
//
// kmeans() is O(n * k * d) an iteration, for hundreds of clusters. hierarchical_kmeans() splits the
// points into about sqrt(k) groups and each group into its share of the k clusters: O(n * sqrt(k) *
// d) an iteration. With `seeded` the clusters within a group start from a hierarchical clustering
// of it, where one round does nearly as well as many from random points.
//
// Pure; deterministic for a seed and any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace remapd::placement {

struct KMeansOptions {
  std::uint32_t iterations = 8;
  std::uint64_t seed = 1;
  std::size_t sample_per_cluster = 64;  // centroids are trained on at most this many points each
  bool seeded = false;                  // hierarchical_kmeans() only: see above
};

struct KMeans {
  std::vector<float> centroids;           // row-major, k x dimension
  std::vector<std::uint32_t> assignment;  // one for each point, < k
};

// points: row-major, n x dimension; weights: n, > 0; clusters >= 1. With fewer points than clusters
// every point has a cluster of its own and the others are empty.
KMeans kmeans(std::span<const float> points, std::span<const float> weights, std::size_t dimension,
              std::size_t clusters, const KMeansOptions& options);

// The assignment only: cluster numbers in [0, clusters).
std::vector<std::uint32_t> hierarchical_kmeans(std::span<const float> points,
                                               std::span<const float> weights,
                                               std::size_t dimension, std::size_t clusters,
                                               const KMeansOptions& options);

}  // namespace remapd::placement
