#include "core/placement/centroid_index.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/placement/kmeans.h"

namespace remapd::placement {

CentroidIndex::CentroidIndex(std::span<const float> centroids, std::size_t dimension,
                             std::uint64_t seed)
    : dimension_(dimension) {
  const std::size_t count = centroids.size() / dimension;
  std::vector<std::uint32_t> group_of(count, 0);
  std::size_t group_count = 1;
  if (count > kFlatLimit) {
    group_count = static_cast<std::size_t>(std::sqrt(static_cast<double>(count)));
    const std::vector<float> unit(count, 1.0F);
    KMeans coarse =
        kmeans(centroids, unit, dimension, group_count, {.iterations = 4, .seed = seed});
    group_of = std::move(coarse.assignment);
  }
  std::vector<std::vector<std::uint32_t>> members(group_count);
  for (std::size_t i = 0; i < count; ++i) {
    members[group_of[i]].push_back(static_cast<std::uint32_t>(i));
  }
  std::vector<float> means;
  for (auto& group : members) {
    if (group.empty()) continue;
    std::vector<float> values;
    values.reserve(group.size() * dimension);
    std::vector<double> mean(dimension, 0.0);
    for (const std::uint32_t i : group) {
      for (std::size_t k = 0; k < dimension; ++k) {
        values.push_back(centroids[i * dimension + k]);
        mean[k] += centroids[i * dimension + k];
      }
    }
    for (const double m : mean) {
      means.push_back(static_cast<float>(m / static_cast<double>(group.size())));
    }
    groups_.push_back({CentroidBlock(values, dimension), std::move(group)});
  }
  if (groups_.size() > 1) top_.emplace_back(means, dimension);
}

CentroidIndex::Nearest CentroidIndex::nearest(const float* point, std::uint32_t probes) const {
  Nearest out;
  nearest({point, dimension_}, {&out, 1}, probes);
  return out;
}

void CentroidIndex::nearest(std::span<const float> points, std::span<Nearest> out,
                            std::uint32_t probes) const {
  if (top_.empty()) return groups_.front().block.nearest(points, out);
  const auto few = std::min<std::size_t>({probes, CentroidBlock::kMaxFew, groups_.size()});
  std::vector<std::uint32_t> probed(out.size() * few);
  top_.front().nearest_few(points, few, probed);
  std::fill(out.begin(), out.end(), Nearest{0, std::numeric_limits<float>::infinity()});

  // Probes by group, so that a group's centroids are read once for all its points.
  std::vector<std::uint32_t> begin(groups_.size() + 1, 0);
  for (const std::uint32_t g : probed) ++begin[g + 1];
  for (std::size_t g = 0; g < groups_.size(); ++g) begin[g + 1] += begin[g];
  std::vector<std::uint32_t> askers(probed.size());
  std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t i = 0; i < probed.size(); ++i) {
    askers[next[probed[i]]++] = static_cast<std::uint32_t>(i / few);
  }
  std::vector<float> gathered;
  std::vector<Nearest> found;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto asking =
        std::span<const std::uint32_t>(askers).subspan(begin[g], begin[g + 1] - begin[g]);
    gathered.resize(asking.size() * dimension_);
    found.resize(asking.size());
    for (std::size_t i = 0; i < asking.size(); ++i) {
      std::copy_n(points.data() + asking[i] * dimension_, dimension_,
                  gathered.data() + i * dimension_);
    }
    groups_[g].block.nearest(gathered, found);
    for (std::size_t i = 0; i < asking.size(); ++i) {
      const Nearest candidate{groups_[g].members[found[i].index], found[i].distance};
      Nearest& best = out[asking[i]];
      if (candidate.distance < best.distance ||
          (candidate.distance == best.distance && candidate.index < best.index)) {
        best = candidate;
      }
    }
  }
}

}  // namespace remapd::placement
