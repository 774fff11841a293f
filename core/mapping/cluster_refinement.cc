#include "core/mapping/cluster_refinement.h"

#include <algorithm>
#include <numeric>

#include "core/mapping/centroid_index.h"

namespace remapd::mapping {
namespace {

struct Centroids {
  std::vector<float> values;            // only of clusters with members
  std::vector<std::uint32_t> cluster;   // which cluster each is
  std::vector<std::uint32_t> position;  // of each cluster in `values`; kUnassigned if empty
};

Centroids member_means(const RefinementInput& in, std::span<const std::uint32_t> assignment) {
  const std::size_t d = in.dimension;
  std::vector<double> sums(std::size_t{in.clusters} * d, 0.0);
  std::vector<double> mass(in.clusters, 0.0);
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    const std::uint32_t c = assignment[i];
    if (c == kUnassigned) continue;
    mass[c] += in.weights[i];
    for (std::size_t k = 0; k < d; ++k) {
      sums[c * d + k] += static_cast<double>(in.weights[i]) * in.points[i * d + k];
    }
  }
  Centroids out;
  out.position.assign(in.clusters, kUnassigned);
  for (std::uint32_t c = 0; c < in.clusters; ++c) {
    if (mass[c] <= 0) continue;
    out.position[c] = static_cast<std::uint32_t>(out.cluster.size());
    out.cluster.push_back(c);
    for (std::size_t k = 0; k < d; ++k) {
      out.values.push_back(static_cast<float>(sums[c * d + k] / mass[c]));
    }
  }
  return out;
}

float squared_distance(const float* a, const float* b, std::size_t d) {
  float sum = 0;
  for (std::size_t k = 0; k < d; ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

struct Misfit {
  float cost;  // weight times squared distance to its centroid
  std::uint32_t point;
};

bool worse(const Misfit& a, const Misfit& b) {
  return a.cost != b.cost ? a.cost > b.cost : a.point < b.point;
}

}  // namespace

void refine_clusters(const RefinementInput& in, std::span<std::uint32_t> assignment) {
  const std::size_t n = assignment.size();
  const std::size_t d = in.dimension;
  if (n == 0) return;
  Centroids centroids = member_means(in, assignment);
  if (centroids.cluster.empty()) {  // nobody is assigned yet: spread the points over the clusters
    for (std::size_t i = 0; i < n; ++i) {
      assignment[i] = static_cast<std::uint32_t>(i % in.clusters);
    }
    centroids = member_means(in, assignment);
  }
  const CentroidIndex index(centroids.values, d, in.seed);

  struct Move {
    float gain;
    std::uint32_t point;
    std::uint32_t to;
  };
  std::vector<Move> moves;
  std::vector<Misfit> misfits(n);
  std::vector<bool> arrived(n, false);
  for (std::uint32_t i = 0; i < n; ++i) {
    const float* point = in.points.data() + i * d;
    if (assignment[i] != kUnassigned && !in.may_move.empty() && in.may_move[i] == 0) {
      misfits[i] = {0, i};
      continue;
    }
    const auto found = index.nearest(point);
    const std::uint32_t nearest = centroids.cluster[found.index];
    if (assignment[i] == kUnassigned) {
      assignment[i] = nearest;
      arrived[i] = true;
      misfits[i] = {in.weights[i] * found.distance, i};
      continue;
    }
    const float* own = centroids.values.data() + centroids.position[assignment[i]] * d;
    const float held = squared_distance(point, own, d);
    misfits[i] = {in.weights[i] * held, i};
    if (nearest != assignment[i] &&
        found.distance < (1 - static_cast<float>(in.hysteresis)) * held) {
      moves.push_back({in.weights[i] * (held - found.distance), i, nearest});
    }
  }
  std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) {
    return a.gain != b.gain ? a.gain > b.gain : a.point < b.point;
  });
  std::vector<std::uint32_t> members(in.clusters, 0);
  for (const std::uint32_t c : assignment) ++members[c];
  double budget = in.move_budget;
  for (const Move& move : moves) {
    if (in.traffic[move.point] > budget) continue;
    budget -= in.traffic[move.point];
    --members[assignment[move.point]];
    ++members[move.to];
    misfits[move.point].cost -= move.gain;
    assignment[move.point] = move.to;
  }

  std::vector<std::uint32_t> empty;
  for (std::uint32_t c = 0; c < in.clusters; ++c) {
    if (members[c] == 0) empty.push_back(c);
  }
  if (empty.empty()) return;
  const std::size_t shortlist = std::min(n, 4 * empty.size());
  std::partial_sort(misfits.begin(), misfits.begin() + static_cast<std::ptrdiff_t>(shortlist),
                    misfits.end(), worse);
  auto next = empty.begin();
  for (std::size_t m = 0; m < shortlist && next != empty.end(); ++m) {
    const std::uint32_t i = misfits[m].point;
    const double price = arrived[i] ? 0.0 : in.traffic[i];
    if (members[assignment[i]] < 2 || price > budget) continue;
    budget -= price;
    --members[assignment[i]];
    ++members[*next];
    assignment[i] = *next++;
  }
}

double relative_distortion(std::span<const float> points, std::span<const float> weights,
                           std::size_t dimension, std::uint32_t clusters,
                           std::span<const std::uint32_t> assignment) {
  const std::size_t d = dimension;
  std::vector<double> sums(std::size_t{clusters} * d, 0.0);
  std::vector<double> mass(clusters, 0.0);
  std::vector<double> all(d, 0.0);
  double total_mass = 0;
  double squares = 0;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    const std::uint32_t c = assignment[i];
    mass[c] += weights[i];
    total_mass += weights[i];
    for (std::size_t k = 0; k < d; ++k) {
      const double x = points[i * d + k];
      sums[c * d + k] += weights[i] * x;
      all[k] += weights[i] * x;
      squares += weights[i] * x * x;
    }
  }
  if (total_mass <= 0) return 0;
  double within = squares;
  double total = squares;
  for (std::size_t c = 0; c < clusters; ++c) {
    if (mass[c] <= 0) continue;
    for (std::size_t k = 0; k < d; ++k) within -= sums[c * d + k] * sums[c * d + k] / mass[c];
  }
  for (std::size_t k = 0; k < d; ++k) total -= all[k] * all[k] / total_mass;
  return total > 0 ? std::clamp(within / total, 0.0, 1.0) : 0.0;
}

void match_clusters(std::span<const std::uint32_t> old, std::span<const float> traffic,
                    std::uint32_t clusters, std::span<std::uint32_t> assignment) {
  struct Common {
    std::uint32_t cluster;
    std::uint32_t old;
    double traffic;
  };
  std::vector<Common> pairs;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (old[i] != kUnassigned) pairs.push_back({assignment[i], old[i], traffic[i]});
  }
  const auto by_pair = [](const Common& a, const Common& b) {
    return a.cluster != b.cluster ? a.cluster < b.cluster : a.old < b.old;
  };
  std::stable_sort(pairs.begin(), pairs.end(), by_pair);
  std::size_t kept = 0;
  for (const Common& pair : pairs) {
    if (kept > 0 && pairs[kept - 1].cluster == pair.cluster && pairs[kept - 1].old == pair.old) {
      pairs[kept - 1].traffic += pair.traffic;
    } else {
      pairs[kept++] = pair;
    }
  }
  pairs.resize(kept);
  std::sort(pairs.begin(), pairs.end(), [&](const Common& a, const Common& b) {
    return a.traffic != b.traffic ? a.traffic > b.traffic : by_pair(a, b);
  });
  std::vector<std::uint32_t> number(clusters, kUnassigned);
  std::vector<bool> taken(clusters, false);
  for (const Common& pair : pairs) {
    if (number[pair.cluster] != kUnassigned || taken[pair.old]) continue;
    number[pair.cluster] = pair.old;
    taken[pair.old] = true;
  }
  std::uint32_t free = 0;
  for (std::uint32_t& mine : number) {
    if (mine != kUnassigned) continue;
    while (taken[free]) ++free;
    taken[free] = true;
    mine = free;
  }
  for (std::uint32_t& cluster : assignment) cluster = number[cluster];
}

}  // namespace remapd::mapping
