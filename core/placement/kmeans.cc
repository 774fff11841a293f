#include "core/placement/kmeans.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/placement/centroid_block.h"
#include "core/placement/members.h"

namespace remapd::placement {
namespace {

// Ten million points, a million clusters, d = 16: a second round takes 1.0 % off the distortion and
// a quarter of the build's time; the versions that follow refine what one round gives.
constexpr std::uint32_t kSeededRounds = 1;

// Weighted means of the points of each cluster; clusters without points keep their old centroid.
void update_centroids(std::span<const float> points, std::span<const float> weights,
                      std::size_t dimension, std::span<const std::uint32_t> assignment,
                      std::vector<float>& centroids) {
  const std::size_t clusters = centroids.size() / dimension;
  std::vector<double> sums(centroids.size(), 0.0);
  std::vector<double> mass(clusters, 0.0);
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    const std::size_t c = assignment[i];
    mass[c] += weights[i];
    for (std::size_t k = 0; k < dimension; ++k) {
      sums[c * dimension + k] += static_cast<double>(weights[i]) * points[i * dimension + k];
    }
  }
  for (std::size_t c = 0; c < clusters; ++c) {
    if (mass[c] <= 0) continue;
    for (std::size_t k = 0; k < dimension; ++k) {
      centroids[c * dimension + k] = static_cast<float>(sums[c * dimension + k] / mass[c]);
    }
  }
}

// Empty clusters restart at the points that fit worst (weight times squared distance), each taken
// from a cluster that keeps at least one point.
bool fill_empty(std::span<const float> points, std::span<const float> weights,
                std::size_t dimension, std::span<const float> distance,
                std::vector<std::uint32_t>& assignment, std::vector<float>& centroids) {
  const std::size_t clusters = centroids.size() / dimension;
  std::vector<std::uint32_t> size(clusters, 0);
  for (const std::uint32_t c : assignment) ++size[c];
  std::vector<std::uint32_t> empty;
  for (std::uint32_t c = 0; c < clusters; ++c) {
    if (size[c] == 0) empty.push_back(c);
  }
  if (empty.empty()) return false;
  std::vector<std::uint32_t> order(assignment.size());
  std::iota(order.begin(), order.end(), 0U);
  const std::size_t wanted = std::min(order.size(), 2 * empty.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted), order.end(),
                    [&](std::uint32_t a, std::uint32_t b) {
                      const float x = weights[a] * distance[a];
                      const float y = weights[b] * distance[b];
                      return x != y ? x > y : a < b;
                    });
  std::size_t next = 0;
  for (const std::uint32_t c : empty) {
    while (next < wanted && size[assignment[order[next]]] < 2) ++next;
    if (next == wanted) break;
    const std::uint32_t i = order[next++];
    --size[assignment[i]];
    assignment[i] = c;
    size[c] = 1;
    std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(i * dimension), dimension,
                centroids.begin() + static_cast<std::ptrdiff_t>(c * dimension));
  }
  return true;
}

// Nearest centroids of all points.
void assign(const CentroidBlock& block, std::span<const float> points, std::size_t dimension,
            std::span<std::uint32_t> assignment, std::span<float> distance) {
  constexpr std::size_t kPiece = 4'096;
  constexpr std::size_t kStep = 256;
  parallel_ranges(assignment.size(), kPiece, [&](std::size_t begin, std::size_t end) {
    std::array<CentroidBlock::Nearest, kStep> found;
    for (std::size_t at = begin; at < end; at += kStep) {
      const std::size_t count = std::min(kStep, end - at);
      block.nearest(points.subspan(at * dimension, count * dimension),
                    std::span(found).first(count));
      for (std::size_t i = 0; i < count; ++i) {
        assignment[at + i] = found[i].index;
        distance[at + i] = found[i].distance;
      }
    }
  });
}

// Lloyd's rounds: nearest centroids, and the means of their points.
void lloyd(std::span<const float> points, std::span<const float> weights, std::size_t dimension,
           std::uint32_t rounds, std::vector<float>& centroids) {
  std::vector<std::uint32_t> assignment(weights.size());
  std::vector<float> distance(weights.size());
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const CentroidBlock block(centroids, dimension);
    assign(block, points, dimension, assignment, distance);
    fill_empty(points, weights, dimension, distance, assignment, centroids);
    update_centroids(points, weights, dimension, assignment, centroids);
  }
}

// The points' nearest centroids; afterwards no centroid is without points.
std::vector<std::uint32_t> assign_all(std::span<const float> points, std::span<const float> weights,
                                      std::size_t dimension, std::vector<float>& centroids) {
  std::vector<std::uint32_t> assignment(weights.size());
  std::vector<float> distance(weights.size());
  assign(CentroidBlock(centroids, dimension), points, dimension, assignment, distance);
  fill_empty(points, weights, dimension, distance, assignment, centroids);
  return assignment;
}

// Flat k-means that starts from the means of clusters made hierarchically.
std::vector<std::uint32_t> seeded_kmeans(std::span<const float> points,
                                         std::span<const float> weights, std::size_t dimension,
                                         std::size_t clusters, KMeansOptions options) {
  options.seeded = false;
  const auto seeds = hierarchical_kmeans(points, weights, dimension, clusters, options);
  if (weights.size() <= clusters) return seeds;
  std::vector<float> centroids(clusters * dimension, 0.0F);
  update_centroids(points, weights, dimension, seeds, centroids);
  lloyd(points, weights, dimension, kSeededRounds, centroids);
  return assign_all(points, weights, dimension, centroids);
}

// How much a group would gain from clusters of its own. In d dimensions the distortion of m
// clusters falls as m^(-2/d); equal slopes give m ~ (mass * variance)^(d/(d+2)).
std::vector<double> appetites(std::span<const float> points, std::span<const float> weights,
                              std::size_t dimension, const KMeans& coarse, const Members& members) {
  std::vector<double> out(members.clusters(), 0.0);
  parallel_pieces(out.size(), [&](std::size_t g) {
    for (const std::size_t i : members.of(g)) {
      double distance = 0;
      for (std::size_t k = 0; k < dimension; ++k) {
        const double delta = points[i * dimension + k] - coarse.centroids[g * dimension + k];
        distance += delta * delta;
      }
      out[g] += weights[i] * distance;
    }
  });
  const double power = static_cast<double>(dimension) / (static_cast<double>(dimension) + 2.0);
  for (double& a : out) a = std::pow(a, power);
  return out;
}

// Changes the shares until they sum to `clusters`, each between 1 and its group's size: the group
// with the most points a cluster takes, the one with the fewest gives.
void settle_shares(const Members& members, std::size_t clusters, std::vector<std::size_t>& share) {
  std::size_t given = std::accumulate(share.begin(), share.end(), std::size_t{0});
  while (given != clusters) {
    const bool add = given < clusters;
    std::size_t best = share.size();
    double best_load = add ? -1.0 : std::numeric_limits<double>::infinity();
    for (std::size_t g = 0; g < share.size(); ++g) {
      if (add ? share[g] >= members.size(g) : share[g] <= 1) continue;
      const double load = static_cast<double>(members.size(g)) / static_cast<double>(share[g]);
      if (add ? load > best_load : load < best_load) {
        best = g;
        best_load = load;
      }
    }
    REMAPD_CHECK(best < share.size(), "n > clusters, so some group can take or give a cluster");
    const std::size_t gap = add ? clusters - given : given - clusters;
    const std::size_t room = add ? members.size(best) - share[best] : share[best];
    const std::size_t step = std::max<std::size_t>(1, std::min(gap / 16, room / 2));
    share[best] = add ? share[best] + step : share[best] - step;
    given = add ? given + step : given - step;
  }
}

// Divides the clusters among the groups of points: by appetite, at least one for each group that
// has points, at most one for each of its points.
std::vector<std::size_t> share_clusters(const std::vector<double>& appetite, const Members& members,
                                        std::size_t clusters) {
  double total = 0;
  for (const double a : appetite) total += a;
  std::vector<std::size_t> share(appetite.size());
  for (std::size_t g = 0; g < share.size(); ++g) {
    const std::size_t size = members.size(g);
    const double wish = total > 0 ? appetite[g] / total * static_cast<double>(clusters) : 0.0;
    share[g] =
        std::min(size, std::max<std::size_t>(size > 0 ? 1 : 0, static_cast<std::size_t>(wish)));
  }
  settle_shares(members, clusters, share);
  return share;
}

}  // namespace

KMeans kmeans(std::span<const float> points, std::span<const float> weights, std::size_t dimension,
              std::size_t clusters, const KMeansOptions& options) {
  const std::size_t n = weights.size();
  REMAPD_CHECK(clusters > 0 && points.size() == n * dimension, "k-means shapes agree");
  KMeans out;
  out.centroids.assign(clusters * dimension, 0.0F);
  if (n <= clusters) {
    out.assignment.resize(n);
    std::iota(out.assignment.begin(), out.assignment.end(), 0U);
    std::copy(points.begin(), points.end(), out.centroids.begin());
    return out;
  }
  // Train on a sample when there are many points for each cluster; it starts the centroids too.
  Random random(options.seed);
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  random.shuffle(std::span(order));
  const std::size_t train = std::min(n, clusters * options.sample_per_cluster);
  std::vector<float> sample(train * dimension);
  std::vector<float> sample_weights(train);
  for (std::size_t i = 0; i < train; ++i) {
    std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(order[i] * dimension), dimension,
                sample.begin() + static_cast<std::ptrdiff_t>(i * dimension));
    sample_weights[i] = weights[order[i]];
  }
  std::copy_n(sample.begin(), clusters * dimension, out.centroids.begin());

  lloyd(sample, sample_weights, dimension, options.iterations, out.centroids);
  out.assignment = assign_all(points, weights, dimension, out.centroids);
  return out;
}

std::vector<std::uint32_t> hierarchical_kmeans(std::span<const float> points,
                                               std::span<const float> weights,
                                               std::size_t dimension, std::size_t clusters,
                                               const KMeansOptions& options) {
  constexpr std::size_t kFlat = 64;
  const std::size_t n = weights.size();
  if (clusters <= kFlat || n <= clusters) {
    return kmeans(points, weights, dimension, clusters, options).assignment;
  }
  const auto groups = static_cast<std::size_t>(std::sqrt(static_cast<double>(clusters)));
  const KMeans coarse = kmeans(points, weights, dimension, groups, options);
  const Members members = members_of(coarse.assignment, groups);
  const std::vector<std::size_t> share =
      share_clusters(appetites(points, weights, dimension, coarse, members), members, clusters);

  std::vector<std::uint32_t> first(groups, 0);
  for (std::size_t g = 1; g < groups; ++g) {
    first[g] = first[g - 1] + static_cast<std::uint32_t>(share[g - 1]);
  }
  std::vector<std::uint32_t> assignment(n);
  parallel_pieces(groups, [&](std::size_t g) {
    const std::span<const std::uint32_t> group = members.of(g);
    if (group.empty()) return;
    std::vector<float> group_points(group.size() * dimension);
    std::vector<float> group_weights(group.size());
    for (std::size_t i = 0; i < group.size(); ++i) {
      std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(group[i] * dimension), dimension,
                  group_points.begin() + static_cast<std::ptrdiff_t>(i * dimension));
      group_weights[i] = weights[group[i]];
    }
    KMeansOptions inner = options;
    inner.seed = options.seed + g + 1;
    const std::vector<std::uint32_t> fine =
        options.seeded ? seeded_kmeans(group_points, group_weights, dimension, share[g], inner)
                       : kmeans(group_points, group_weights, dimension, share[g], inner).assignment;
    for (std::size_t i = 0; i < group.size(); ++i) assignment[group[i]] = first[g] + fine[i];
  });
  return assignment;
}

}  // namespace remapd::placement
