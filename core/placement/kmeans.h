// Weighted k-means (Lloyd), and the hierarchical form that makes many clusters affordable.
//
// Flat Lloyd costs O(n * k * d) an iteration: fine for hundreds of clusters, out of reach for a
// million. hierarchical_kmeans() splits into about sqrt(k) groups first and each group into its
// share of the k clusters: O(n * sqrt(k) * d). Both are deterministic for a seed: sums are taken in
// the order of the points.
//
// Most of that goes into the rounds within the groups. `seeded` starts them from clusters that were
// made hierarchically in turn, where one round does nearly as well as many from random points.
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

// points: row-major, n x dimension; weights: n, > 0; 1 <= clusters. With fewer points than clusters
// every point gets its own and the rest stay empty.
KMeans kmeans(std::span<const float> points, std::span<const float> weights, std::size_t dimension,
              std::size_t clusters, const KMeansOptions& options);

// The assignment only: cluster numbers in [0, clusters).
std::vector<std::uint32_t> hierarchical_kmeans(std::span<const float> points,
                                               std::span<const float> weights,
                                               std::size_t dimension, std::size_t clusters,
                                               const KMeansOptions& options);

}  // namespace remapd::placement
