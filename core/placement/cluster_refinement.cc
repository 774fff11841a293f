#include "core/placement/cluster_refinement.h"

#include <algorithm>
#include <numeric>

#include "core/base/parallel.h"
#include "core/placement/centroid_index.h"

namespace remapd::placement {
namespace {

constexpr std::size_t kPiece = 1'024;     // clusters a task looks at
constexpr std::size_t kQueries = 16'384;  // points whose nearest centroids are searched together

// Points by cluster, in their order: what is summed in one task then lies in one cluster.
struct Members {
  std::vector<std::uint32_t> begin;  // clusters + 1
  std::vector<std::uint32_t> points;

  std::span<const std::uint32_t> of(std::size_t cluster) const {
    return {points.data() + begin[cluster], begin[cluster + 1] - begin[cluster]};
  }
  // fn(point) for each of the cluster's. They lie anywhere: those to come are fetched.
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

// Without those that are kUnassigned.
Members members_of(std::span<const std::uint32_t> assignment, std::uint32_t clusters) {
  Members out;
  out.begin.assign(std::size_t{clusters} + 1, 0);
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

struct Centroids {
  std::vector<float> values;            // only of clusters with members
  std::vector<std::uint32_t> cluster;   // which cluster each is
  std::vector<std::uint32_t> position;  // of each cluster in `values`; kUnassigned if empty
};

Centroids member_means(const RefinementInput& in, std::span<const std::uint32_t> assignment) {
  const std::size_t d = in.dimension;
  const Members members = members_of(assignment, in.clusters);
  Centroids out;
  out.position.assign(in.clusters, kUnassigned);
  for (std::uint32_t c = 0; c < in.clusters; ++c) {
    if (members.of(c).empty()) continue;
    out.position[c] = static_cast<std::uint32_t>(out.cluster.size());
    out.cluster.push_back(c);
  }
  out.values.resize(out.cluster.size() * d);
  parallel_ranges(out.cluster.size(), kPiece, [&](std::size_t begin, std::size_t end) {
    std::vector<double> sum(d);
    for (std::size_t at = begin; at < end; ++at) {
      std::fill(sum.begin(), sum.end(), 0.0);
      double mass = 0;
      members.for_each(out.cluster[at], in.points.data(), d, [&](std::size_t i) {
        mass += in.weights[i];
        for (std::size_t k = 0; k < d; ++k) {
          sum[k] += static_cast<double>(in.weights[i]) * in.points[i * d + k];
        }
      });
      for (std::size_t k = 0; k < d; ++k) {
        out.values[at * d + k] = static_cast<float>(sum[k] / mass);
      }
    }
  });
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
  const auto stays = [&](std::size_t i) {
    return assignment[i] != kUnassigned && !in.may_move.empty() && in.may_move[i] == 0;
  };
  std::vector<CentroidIndex::Nearest> nearest_of(n);
  std::vector<float> held(n);  // squared distance to the own centroid
  parallel_ranges(n, kQueries, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> asking;
    std::vector<float> queries;
    for (std::size_t i = begin; i < end; ++i) {
      if (stays(i)) continue;
      const float* point = in.points.data() + i * d;
      asking.push_back(static_cast<std::uint32_t>(i));
      queries.insert(queries.end(), point, point + d);
      if (assignment[i] == kUnassigned) continue;
      held[i] = squared_distance(
          point, centroids.values.data() + centroids.position[assignment[i]] * d, d);
    }
    std::vector<CentroidIndex::Nearest> found(asking.size());
    index.nearest(queries, found);
    for (std::size_t q = 0; q < asking.size(); ++q) nearest_of[asking[q]] = found[q];
  });
  for (std::uint32_t i = 0; i < n; ++i) {
    if (stays(i)) {
      misfits[i] = {0, i};
      continue;
    }
    const auto found = nearest_of[i];
    const std::uint32_t nearest = centroids.cluster[found.index];
    if (assignment[i] == kUnassigned) {
      assignment[i] = nearest;
      arrived[i] = true;
      misfits[i] = {in.weights[i] * found.distance, i};
      continue;
    }
    misfits[i] = {in.weights[i] * held[i], i};
    if (nearest != assignment[i] &&
        found.distance < (1 - static_cast<float>(in.hysteresis)) * held[i]) {
      moves.push_back({in.weights[i] * (held[i] - found.distance), i, nearest});
    }
  }
  parallel_sort(moves, [](const Move& a, const Move& b) {
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
  const Members members = members_of(assignment, clusters);
  struct Sums {
    std::vector<double> all;
    double mass = 0;
    double squares = 0;
    double between = 0;  // what the clusters' means explain of the squares
  };
  const std::size_t pieces = (std::size_t{clusters} + kPiece - 1) / kPiece;
  std::vector<Sums> partial(pieces);
  parallel_pieces(pieces, [&](std::size_t piece) {
    Sums& out = partial[piece];
    out.all.assign(d, 0.0);
    std::vector<double> sum(d);
    const std::size_t end = std::min<std::size_t>(clusters, (piece + 1) * kPiece);
    for (std::size_t c = piece * kPiece; c < end; ++c) {
      std::fill(sum.begin(), sum.end(), 0.0);
      double mass = 0;
      members.for_each(c, points.data(), d, [&](std::size_t i) {
        const double weight = weights[i];
        mass += weight;
        for (std::size_t k = 0; k < d; ++k) {
          const double x = points[i * d + k];
          sum[k] += weight * x;
          out.squares += weight * x * x;
        }
      });
      if (mass <= 0) continue;
      out.mass += mass;
      for (std::size_t k = 0; k < d; ++k) {
        out.all[k] += sum[k];
        out.between += sum[k] * sum[k] / mass;
      }
    }
  });
  Sums total;
  total.all.assign(d, 0.0);
  for (const Sums& part : partial) {
    total.mass += part.mass;
    total.squares += part.squares;
    total.between += part.between;
    for (std::size_t k = 0; k < d; ++k) total.all[k] += part.all[k];
  }
  if (total.mass <= 0) return 0;
  const double within = total.squares - total.between;
  double spread = total.squares;
  for (const double sum : total.all) spread -= sum * sum / total.mass;
  return spread > 0 ? std::clamp(within / spread, 0.0, 1.0) : 0.0;
}

void match_clusters(std::span<const std::uint32_t> old, std::span<const float> traffic,
                    std::uint32_t clusters, std::span<std::uint32_t> assignment) {
  struct Common {
    std::uint32_t cluster;
    std::uint32_t old;
    std::uint32_t point;
    double traffic;
  };
  std::vector<Common> pairs;
  pairs.reserve(assignment.size());
  for (std::uint32_t i = 0; i < assignment.size(); ++i) {
    if (old[i] != kUnassigned) pairs.push_back({assignment[i], old[i], i, traffic[i]});
  }
  const auto by_pair = [](const Common& a, const Common& b) {
    return a.cluster != b.cluster ? a.cluster < b.cluster : a.old < b.old;
  };
  // A pair's traffic is added up in the order of the points.
  parallel_sort(pairs, [&](const Common& a, const Common& b) {
    return a.cluster != b.cluster || a.old != b.old ? by_pair(a, b) : a.point < b.point;
  });
  std::size_t kept = 0;
  for (const Common& pair : pairs) {
    if (kept > 0 && pairs[kept - 1].cluster == pair.cluster && pairs[kept - 1].old == pair.old) {
      pairs[kept - 1].traffic += pair.traffic;
    } else {
      pairs[kept++] = pair;
    }
  }
  pairs.resize(kept);
  parallel_sort(pairs, [&](const Common& a, const Common& b) {
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

}  // namespace remapd::placement
