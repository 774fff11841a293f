#include "core/placement/kmeans.h"

#include <set>

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/placement/cluster_refinement.h"

namespace remapd::placement {
namespace {

struct Blobs {
  std::vector<float> points;
  std::vector<float> weights;
  std::vector<std::uint32_t> blob;
};

Blobs make_blobs(std::size_t blobs, std::size_t each, std::size_t d, double spread) {
  Random random(5);
  Blobs out;
  std::vector<float> centres(blobs * d);
  for (float& x : centres) x = static_cast<float>(10 * random.normal());
  for (std::size_t i = 0; i < blobs * each; ++i) {
    const std::size_t b = i % blobs;
    for (std::size_t k = 0; k < d; ++k) {
      out.points.push_back(centres[b * d + k] + static_cast<float>(spread * random.normal()));
    }
    out.weights.push_back(1.0F);
    out.blob.push_back(static_cast<std::uint32_t>(b));
  }
  return out;
}

TEST(KMeans, GivesEveryPointItsOwnClusterWhenThereAreFewer) {
  const std::vector<float> points{1, 2, 3};
  const std::vector<float> weights(3, 1.0F);
  const KMeans out = kmeans(points, weights, 1, 5, {});
  EXPECT_EQ(std::set<std::uint32_t>(out.assignment.begin(), out.assignment.end()).size(), 3U);
}

TEST(KMeans, LeavesNoClusterEmpty) {
  Random random(3);
  std::vector<float> points(500);
  for (float& x : points) x = static_cast<float>(std::floor(random.uniform() * 40));
  const std::vector<float> weights(500, 1.0F);
  const KMeans out = kmeans(points, weights, 1, 60, {});
  EXPECT_EQ(std::set<std::uint32_t>(out.assignment.begin(), out.assignment.end()).size(), 60U);
}

TEST(KMeans, IsTheSameForTheSameSeed) {
  const Blobs blobs = make_blobs(10, 50, 3, 1.0);
  const auto a = kmeans(blobs.points, blobs.weights, 3, 10, {.seed = 4});
  const auto b = kmeans(blobs.points, blobs.weights, 3, 10, {.seed = 4});
  EXPECT_EQ(a.assignment, b.assignment);
  EXPECT_EQ(a.centroids, b.centroids);
}

TEST(HierarchicalKMeans, ComesCloseToFlat) {
  const Blobs blobs = make_blobs(300, 20, 4, 2.0);
  const auto flat = kmeans(blobs.points, blobs.weights, 4, 200, {.iterations = 10}).assignment;
  const auto deep = hierarchical_kmeans(blobs.points, blobs.weights, 4, 200, {.iterations = 10});
  EXPECT_LT(*std::max_element(deep.begin(), deep.end()), 200U);
  const double a = cluster_means(blobs.points, blobs.weights, 4, 200, flat).distortion;
  const double b = cluster_means(blobs.points, blobs.weights, 4, 200, deep).distortion;
  EXPECT_LT(b, 2 * a);
}

TEST(HierarchicalKMeans, UsesAllClustersWhenAllPointsAreEqual) {
  const std::vector<float> points(1000, 1.0F);
  const std::vector<float> weights(1000, 1.0F);
  for (const bool seeded : {false, true}) {
    const auto out = hierarchical_kmeans(points, weights, 1, 300, {.seeded = seeded});
    EXPECT_EQ(std::set<std::uint32_t>(out.begin(), out.end()).size(), 300U);
  }
}

// Groups of more than 64 clusters, so that their seeds are made in two steps.
TEST(HierarchicalKMeans, LosesLittleBySeeding) {
  constexpr std::uint32_t kClusters = 5'000;
  const Blobs blobs = make_blobs(4'000, 10, 4, 2.0);
  const auto plain = hierarchical_kmeans(blobs.points, blobs.weights, 4, kClusters, {});
  const auto seeded =
      hierarchical_kmeans(blobs.points, blobs.weights, 4, kClusters, {.seeded = true});
  EXPECT_EQ(std::set<std::uint32_t>(seeded.begin(), seeded.end()).size(), kClusters);
  const double a = cluster_means(blobs.points, blobs.weights, 4, kClusters, plain).distortion;
  const double b = cluster_means(blobs.points, blobs.weights, 4, kClusters, seeded).distortion;
  EXPECT_LT(b, 1.1 * a);
}

}  // namespace
}  // namespace remapd::placement
