#include "core/mapping/centroid_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/check.h"
#include "core/base/simd.h"
#include "core/mapping/kmeans.h"

namespace remapd::mapping {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kMaxDimension = CentroidBlock::kMaxDimension;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(float))));

// The best of the lanes' best, and the distance from the score.
[[gnu::always_inline]] inline CentroidBlock::Nearest best_lane(const Floats& best,
                                                               const Ints& best_block,
                                                               const float* point,
                                                               std::size_t dimension) {
  CentroidBlock::Nearest out{0, std::numeric_limits<float>::infinity()};
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto index = static_cast<std::uint32_t>(best_block[lane]) * kLanes + lane;
    if (best[lane] < out.distance || (best[lane] == out.distance && index < out.index)) {
      out = {static_cast<std::uint32_t>(index), best[lane]};
    }
  }
  float norm = 0;
  for (std::size_t k = 0; k < dimension; ++k) norm += point[k] * point[k];
  out.distance = std::max(0.0F, out.distance + norm);
  return out;
}

// kPoints points at a time share each load of a centroid and keep as many sums in flight. Every
// lane adds in the order of the dimensions, whatever kPoints is.
template <std::size_t kPoints>
[[gnu::always_inline]] inline void search_tile(const float* blocks, std::size_t size,
                                               std::size_t dimension, const float* points,
                                               CentroidBlock::Nearest* out) {
  const std::size_t stride = kLanes * (dimension + 1);
  float doubled[kMaxDimension * kPoints];  // by dimension, so that one load spreads to all lanes
  for (std::size_t k = 0; k < dimension; ++k) {
    for (std::size_t p = 0; p < kPoints; ++p)
      doubled[k * kPoints + p] = 2 * points[p * dimension + k];
  }
  Floats best[kPoints];
  Ints best_block[kPoints];
  for (std::size_t p = 0; p < kPoints; ++p) {
    best[p] = Floats{} + std::numeric_limits<float>::infinity();
    best_block[p] = Ints{};
  }
  for (std::size_t b = 0, count = (size + kLanes - 1) / kLanes; b < count; ++b) {
    const float* block = blocks + b * stride;
    Floats score[kPoints];
    for (std::size_t p = 0; p < kPoints; ++p) score[p] = *reinterpret_cast<const Floats*>(block);
    for (std::size_t k = 0; k < dimension; ++k) {
      const Floats centroid = *reinterpret_cast<const Floats*>(block + (k + 1) * kLanes);
      for (std::size_t p = 0; p < kPoints; ++p) {
        score[p] -= doubled[k * kPoints + p] * centroid;
      }
    }
    for (std::size_t p = 0; p < kPoints; ++p) {
      const Ints nearer = score[p] < best[p];
      best[p] = nearer ? score[p] : best[p];
      best_block[p] = nearer ? (Ints{} + static_cast<std::int32_t>(b)) : best_block[p];
    }
  }
  for (std::size_t p = 0; p < kPoints; ++p) {
    out[p] = best_lane(best[p], best_block[p], points + p * dimension, dimension);
  }
}

REMAPD_SIMD_CLONES
void search(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
            std::size_t count, CentroidBlock::Nearest* out) {
  constexpr std::size_t kTile = 8;
  std::size_t at = 0;
  for (; at + kTile <= count; at += kTile) {
    search_tile<kTile>(blocks, size, dimension, points + at * dimension, out + at);
  }
  for (; at < count; ++at)
    search_tile<1>(blocks, size, dimension, points + at * dimension, out + at);
}

REMAPD_SIMD_CLONES
void measure(const float* blocks, std::size_t size, std::size_t dimension, const float* point,
             float* out) {
  const std::size_t stride = kLanes * (dimension + 1);
  float norm = 0;
  for (std::size_t k = 0; k < dimension; ++k) norm += point[k] * point[k];
  for (std::size_t first = 0; first < size; first += kLanes) {
    const float* block = blocks + first / kLanes * stride;
    Floats score = *reinterpret_cast<const Floats*>(block) + norm;
    for (std::size_t k = 0; k < dimension; ++k) {
      score -= (2 * point[k]) * *reinterpret_cast<const Floats*>(block + (k + 1) * kLanes);
    }
    std::memcpy(out + first, &score, std::min(kLanes, size - first) * sizeof(float));
  }
}

}  // namespace

CentroidBlock::CentroidBlock(std::span<const float> centroids, std::size_t dimension)
    : size_(centroids.size() / dimension), dimension_(dimension) {
  REMAPD_CHECK(dimension <= kMaxDimension, "embeddings are low-dimensional");
  const std::size_t count = (size_ + kLanes - 1) / kLanes;
  const std::size_t stride = kLanes * (dimension + 1);
  blocks_.assign(count * stride, 0.0F);
  for (std::size_t i = 0; i < count * kLanes; ++i) {
    float* block = blocks_.data() + i / kLanes * stride;
    const std::size_t lane = i % kLanes;
    if (i >= size_) {
      block[lane] = std::numeric_limits<float>::infinity();
      continue;
    }
    const float* c = centroids.data() + i * dimension;
    for (std::size_t k = 0; k < dimension; ++k) {
      block[lane] += c[k] * c[k];
      block[(k + 1) * kLanes + lane] = c[k];
    }
  }
}

CentroidBlock::Nearest CentroidBlock::nearest(const float* point) const {
  Nearest out;
  search(blocks_.data(), size_, dimension_, point, 1, &out);
  return out;
}

void CentroidBlock::nearest(std::span<const float> points, std::span<Nearest> out) const {
  search(blocks_.data(), size_, dimension_, points.data(), out.size(), out.data());
}

void CentroidBlock::distances(const float* point, std::span<float> out) const {
  measure(blocks_.data(), size_, dimension_, point, out.data());
}

CentroidIndex::CentroidIndex(std::span<const float> centroids, std::size_t dimension,
                             std::uint64_t seed) {
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
  if (top_.empty()) return groups_.front().block.nearest(point);
  constexpr std::uint32_t kMaxProbes = 16;
  const auto wanted = std::min<std::size_t>({probes, kMaxProbes, groups_.size()});
  thread_local std::vector<float> distance;
  distance.resize(groups_.size());
  top_.front().distances(point, distance);
  std::array<std::pair<float, std::uint32_t>, kMaxProbes> best;
  std::size_t held = 0;
  for (std::uint32_t g = 0; g < groups_.size(); ++g) {
    if (held == wanted && distance[g] >= best[held - 1].first) continue;
    std::size_t at = held < wanted ? held++ : held - 1;
    for (; at > 0 && best[at - 1].first > distance[g]; --at) best[at] = best[at - 1];
    best[at] = {distance[g], g};
  }
  Nearest out{0, std::numeric_limits<float>::infinity()};
  for (std::size_t i = 0; i < held; ++i) {
    const Group& group = groups_[best[i].second];
    const Nearest found = group.block.nearest(point);
    const std::uint32_t index = group.members[found.index];
    if (found.distance < out.distance || (found.distance == out.distance && index < out.index)) {
      out = {index, found.distance};
    }
  }
  return out;
}

}  // namespace remapd::mapping
