#include "core/placement/cluster_refinement.h"

#include <algorithm>
#include <numeric>

#include "core/base/parallel.h"
#include "core/placement/centroid_index.h"
#include "core/placement/members.h"

namespace remapd::placement {
namespace {

constexpr std::size_t kPiece = 1'024;     // clusters a task looks at
constexpr std::size_t kQueries = 16'384;  // points whose nearest centroids are searched together

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

// One refinement, step by step; see refine_clusters().
class Refinement {
 public:
  Refinement(const RefinementInput& in, std::span<std::uint32_t> assignment)
      : in_(in), assignment_(assignment), budget_(in.churn_budget) {}

  void run() {
    centroids_ = member_means(in_, assignment_);
    if (centroids_.cluster.empty()) {
      spread_points();
      centroids_ = member_means(in_, assignment_);
    }
    find_nearest();
    place_unassigned_and_propose_moves();
    move_by_gain();
    fill_empty_clusters();
  }

 private:
  struct Move {
    float gain;
    std::uint32_t point;
    std::uint32_t to;
  };
  struct Misfit {
    float cost;  // weight times squared distance to its centroid
    std::uint32_t point;
  };

  std::size_t points() const { return assignment_.size(); }
  bool stays(std::size_t i) const {
    return assignment_[i] != kUnassigned && !in_.may_move.empty() && in_.may_move[i] == 0;
  }

  // No point has a cluster yet.
  void spread_points() {
    for (std::size_t i = 0; i < points(); ++i) {
      assignment_[i] = static_cast<std::uint32_t>(i % in_.clusters);
    }
  }

  // Of the points that may move: the nearest centroid, and the distance to their own.
  void find_nearest() {
    const std::size_t d = in_.dimension;
    const CentroidIndex index(centroids_.values, d, in_.seed);
    nearest_.resize(points());
    own_distance_.resize(points());
    parallel_ranges(points(), kQueries, [&](std::size_t begin, std::size_t end) {
      std::vector<std::uint32_t> asking;
      std::vector<float> queries;
      for (std::size_t i = begin; i < end; ++i) {
        if (stays(i)) continue;
        const float* point = in_.points.data() + i * d;
        asking.push_back(static_cast<std::uint32_t>(i));
        queries.insert(queries.end(), point, point + d);
        if (assignment_[i] == kUnassigned) continue;
        own_distance_[i] = squared_distance(
            point, centroids_.values.data() + centroids_.position[assignment_[i]] * d, d);
      }
      std::vector<CentroidIndex::Nearest> found(asking.size());
      index.nearest(queries, found);
      for (std::size_t q = 0; q < asking.size(); ++q) nearest_[asking[q]] = found[q];
    });
  }

  void place_unassigned_and_propose_moves() {
    misfits_.resize(points());
    placed_.assign(points(), false);
    const float needed = 1 - static_cast<float>(in_.hysteresis);
    for (std::uint32_t i = 0; i < points(); ++i) {
      if (stays(i)) {
        misfits_[i] = {0, i};
        continue;
      }
      const float weight = in_.weights[i];
      const float distance = nearest_[i].distance;
      const std::uint32_t nearest = centroids_.cluster[nearest_[i].index];
      if (assignment_[i] == kUnassigned) {
        assignment_[i] = nearest;
        placed_[i] = true;
        misfits_[i] = {weight * distance, i};
        continue;
      }
      misfits_[i] = {weight * own_distance_[i], i};
      if (nearest != assignment_[i] && distance < needed * own_distance_[i]) {
        moves_.push_back({weight * (own_distance_[i] - distance), i, nearest});
      }
    }
  }

  // The moves that gain most come first; those that the budget has no room for are passed over.
  void move_by_gain() {
    parallel_sort(moves_, [](const Move& a, const Move& b) {
      return a.gain != b.gain ? a.gain > b.gain : a.point < b.point;
    });
    members_.assign(in_.clusters, 0);
    for (const std::uint32_t c : assignment_) ++members_[c];
    for (const Move& move : moves_) {
      if (in_.traffic[move.point] > budget_) continue;
      budget_ -= in_.traffic[move.point];
      misfits_[move.point].cost -= move.gain;
      reassign(move.point, move.to);
    }
  }

  // Each gets one of the points that fit worst where they are, unless it was alone there.
  void fill_empty_clusters() {
    std::vector<std::uint32_t> empty;
    for (std::uint32_t c = 0; c < in_.clusters; ++c) {
      if (members_[c] == 0) empty.push_back(c);
    }
    if (empty.empty()) return;
    const std::size_t shortlist = std::min(points(), 4 * empty.size());
    std::partial_sort(misfits_.begin(), misfits_.begin() + static_cast<std::ptrdiff_t>(shortlist),
                      misfits_.end(), [](const Misfit& a, const Misfit& b) {
                        return a.cost != b.cost ? a.cost > b.cost : a.point < b.point;
                      });
    auto next = empty.begin();
    for (std::size_t m = 0; m < shortlist && next != empty.end(); ++m) {
      const std::uint32_t i = misfits_[m].point;
      const double price = placed_[i] ? 0.0 : in_.traffic[i];
      if (members_[assignment_[i]] < 2 || price > budget_) continue;
      budget_ -= price;
      reassign(i, *next++);
    }
  }

  void reassign(std::uint32_t point, std::uint32_t to) {
    --members_[assignment_[point]];
    ++members_[to];
    assignment_[point] = to;
  }

  const RefinementInput& in_;
  std::span<std::uint32_t> assignment_;
  double budget_;  // traffic that may still move
  Centroids centroids_;
  std::vector<CentroidIndex::Nearest> nearest_;  // by point
  std::vector<float> own_distance_;              // by point, squared
  std::vector<Misfit> misfits_;                  // by point, until fill_empty_clusters()
  std::vector<bool> placed_;                     // by point: had no cluster before
  std::vector<Move> moves_;
  std::vector<std::uint32_t> members_;  // by cluster: how many points it has
};

}  // namespace

void refine_clusters(const RefinementInput& in, std::span<std::uint32_t> assignment) {
  if (!assignment.empty()) Refinement(in, assignment).run();
}

ClusterMeans cluster_means(std::span<const float> points, std::span<const float> weights,
                           std::size_t dimension, std::uint32_t clusters,
                           std::span<const std::uint32_t> assignment) {
  ClusterMeans result;
  result.means.resize(clusters * dimension);
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
        result.means[c * d + k] = static_cast<float>(sum[k] / mass);
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
  if (total.mass <= 0) return result;
  const double within = total.squares - total.between;
  double spread = total.squares;
  for (const double sum : total.all) spread -= sum * sum / total.mass;
  if (spread > 0) result.distortion = std::clamp(within / spread, 0.0, 1.0);
  return result;
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
