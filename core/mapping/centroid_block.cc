#include "core/mapping/centroid_block.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "core/base/check.h"
#include "core/base/simd.h"

namespace remapd::mapping {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kTile = 8;  // points searched together
constexpr std::size_t kMaxDimension = CentroidBlock::kMaxDimension;

// A block is worked on in parts of kWidth lanes: all sixteen where the processor has registers that
// hold them, eight elsewhere. Scores of eight points in wider parts than that do not fit its
// registers, and what is then moved to and fro takes ten times as long as the arithmetic. Lanes
// know nothing of each other, so the results are the same bits.
constexpr std::size_t kWide = 16;
constexpr std::size_t kNarrow = 8;
template <std::size_t kWidth>
struct Vector {
  typedef float Floats __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));
  typedef std::int32_t Ints __attribute__((vector_size(kWidth * sizeof(float))));
};

// The best of the lanes' best, and the distance from the score.
[[gnu::always_inline]] inline CentroidBlock::Nearest best_lane(const float* best,
                                                               const std::int32_t* best_block,
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
template <std::size_t kPoints, std::size_t kWidth>
[[gnu::always_inline]] inline void search_tile(const float* blocks, std::size_t size,
                                               std::size_t dimension, const float* points,
                                               CentroidBlock::Nearest* out) {
  const std::size_t stride = kLanes * (dimension + 1);
  float doubled[kMaxDimension * kPoints];  // by dimension, so that one load spreads to all lanes
  for (std::size_t k = 0; k < dimension; ++k) {
    for (std::size_t p = 0; p < kPoints; ++p)
      doubled[k * kPoints + p] = 2 * points[p * dimension + k];
  }
  using Floats = typename Vector<kWidth>::Floats;
  using Ints = typename Vector<kWidth>::Ints;
  float best[kPoints][kLanes];
  std::int32_t best_block[kPoints][kLanes] = {};
  for (auto& lanes : best) std::fill_n(lanes, kLanes, std::numeric_limits<float>::infinity());
  for (std::size_t b = 0, count = (size + kLanes - 1) / kLanes; b < count; ++b) {
    const float* block = blocks + b * stride;
    for (std::size_t part = 0; part < kLanes; part += kWidth) {
      Floats score[kPoints];
      for (std::size_t p = 0; p < kPoints; ++p) {
        score[p] = *reinterpret_cast<const Floats*>(block + part);
      }
      for (std::size_t k = 0; k < dimension; ++k) {
        const Floats centroid = *reinterpret_cast<const Floats*>(block + (k + 1) * kLanes + part);
        for (std::size_t p = 0; p < kPoints; ++p) {
          score[p] -= doubled[k * kPoints + p] * centroid;
        }
      }
      for (std::size_t p = 0; p < kPoints; ++p) {
        Floats least;
        Ints where;
        std::memcpy(&least, best[p] + part, sizeof(least));
        std::memcpy(&where, best_block[p] + part, sizeof(where));
        const Ints nearer = score[p] < least;
        least = nearer ? score[p] : least;
        where = nearer ? (Ints{} + static_cast<std::int32_t>(b)) : where;
        std::memcpy(best[p] + part, &least, sizeof(least));
        std::memcpy(best_block[p] + part, &where, sizeof(where));
      }
    }
  }
  for (std::size_t p = 0; p < kPoints; ++p) {
    out[p] = best_lane(best[p], best_block[p], points + p * dimension, dimension);
  }
}

// fn(points, out) for eight points at a time; the last ones in the company of copies.
template <class Out, class Fn>
[[gnu::always_inline]] inline void by_tiles(const float* points, std::size_t count,
                                            std::size_t dimension, std::size_t width, Out* out,
                                            Fn&& fn) {
  std::size_t at = 0;
  for (; at + kTile <= count; at += kTile) fn(points + at * dimension, out + at * width);
  if (at == count) return;
  float padded[kMaxDimension * kTile];
  Out found[kTile * CentroidBlock::kMaxFew];
  for (std::size_t p = 0; p < kTile; ++p) {
    std::copy_n(points + std::min(at + p, count - 1) * dimension, dimension,
                padded + p * dimension);
  }
  fn(padded, found);
  std::copy_n(found, (count - at) * width, out + at * width);
}

// The tile's function must become part of the clone that calls it, or it is compiled for none.
#define REMAPD_INLINE_LAMBDA __attribute__((always_inline))

template <std::size_t kWidth>
[[gnu::always_inline]] inline void search_by(const float* blocks, std::size_t size,
                                             std::size_t dimension, const float* points,
                                             std::size_t count, CentroidBlock::Nearest* out) {
  if (count == 1) return search_tile<1, kWidth>(blocks, size, dimension, points, out);
  by_tiles(points, count, dimension, 1, out,
           [&](const float* tile, CentroidBlock::Nearest* found) REMAPD_INLINE_LAMBDA {
             search_tile<kTile, kWidth>(blocks, size, dimension, tile, found);
           });
}

REMAPD_SIMD_CLONES
void search_wide(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
                 std::size_t count, CentroidBlock::Nearest* out) {
  search_by<kWide>(blocks, size, dimension, points, count, out);
}

REMAPD_SIMD_CLONES
void search_narrow(const float* blocks, std::size_t size, std::size_t dimension,
                   const float* points, std::size_t count, CentroidBlock::Nearest* out) {
  search_by<kNarrow>(blocks, size, dimension, points, count, out);
}

void search(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
            std::size_t count, CentroidBlock::Nearest* out) {
  static const auto chosen = has_wide_vectors() ? search_wide : search_narrow;
  chosen(blocks, size, dimension, points, count, out);
}

// Squared distances of eight points to all centroids, point after point in `scores`, each with room
// for whole blocks; and of each lane the least.
template <std::size_t kWidth>
[[gnu::always_inline]] inline void measure_tile(const float* blocks, std::size_t count,
                                                std::size_t dimension, const float* points,
                                                float* scores, float (*least)[kLanes]) {
  const std::size_t stride = kLanes * (dimension + 1);
  float doubled[kMaxDimension * kTile];
  float norm[kTile] = {};
  using Floats = typename Vector<kWidth>::Floats;
  for (std::size_t p = 0; p < kTile; ++p) {
    for (std::size_t k = 0; k < dimension; ++k) {
      const float x = points[p * dimension + k];
      norm[p] += x * x;
      doubled[k * kTile + p] = 2 * x;
    }
    std::fill_n(least[p], kLanes, std::numeric_limits<float>::infinity());
  }
  for (std::size_t b = 0; b < count; ++b) {
    const float* block = blocks + b * stride;
    for (std::size_t part = 0; part < kLanes; part += kWidth) {
      Floats score[kTile];
      for (std::size_t p = 0; p < kTile; ++p) {
        score[p] = *reinterpret_cast<const Floats*>(block + part) + norm[p];
      }
      for (std::size_t k = 0; k < dimension; ++k) {
        const Floats centroid = *reinterpret_cast<const Floats*>(block + (k + 1) * kLanes + part);
        for (std::size_t p = 0; p < kTile; ++p) score[p] -= doubled[k * kTile + p] * centroid;
      }
      for (std::size_t p = 0; p < kTile; ++p) {
        Floats best;
        std::memcpy(&best, least[p] + part, sizeof(best));
        best = score[p] < best ? score[p] : best;
        std::memcpy(least[p] + part, &best, sizeof(best));
        std::memcpy(scores + (p * count + b) * kLanes + part, &score[p], sizeof(Floats));
      }
    }
  }
}

// The `few` least values seen, ascending; of equal ones those seen first.
class Shortlist {
 public:
  explicit Shortlist(std::size_t few) : few_(few) {
    std::fill_n(values_, few, std::numeric_limits<float>::infinity());
  }

  void offer(float value, std::uint32_t index) {
    if (!(value < values_[few_ - 1])) return;
    std::size_t at = few_ - 1;
    for (; at > 0 && values_[at - 1] > value; --at) {
      values_[at] = values_[at - 1];
      indexes_[at] = indexes_[at - 1];
    }
    values_[at] = value;
    indexes_[at] = index;
  }
  void copy_to(std::uint32_t* out) const { std::copy_n(indexes_, few_, out); }

 private:
  std::size_t few_;
  float values_[CentroidBlock::kMaxFew];
  std::uint32_t indexes_[CentroidBlock::kMaxFew] = {};
};

// The `few` nearest are no farther than the `few` least of the lanes' leasts, and lie in those
// lanes.
void pick_few(const float* scores, std::size_t count, const float* least, std::size_t few,
              std::uint32_t* out) {
  float sorted[kLanes];
  std::copy_n(least, kLanes, sorted);
  std::nth_element(sorted, sorted + few - 1, sorted + kLanes);
  const float farthest = sorted[few - 1];
  std::uint32_t lanes[kLanes];
  std::size_t lane_count = 0;
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    lanes[lane_count] = lane;
    lane_count += least[lane] <= farthest ? 1 : 0;
  }
  Shortlist nearest(few);
  for (std::size_t b = 0; b < count; ++b) {
    for (std::size_t l = 0; l < lane_count; ++l) {
      const std::size_t at = b * kLanes + lanes[l];
      if (scores[at] > farthest) [[likely]]
        continue;
      nearest.offer(scores[at], static_cast<std::uint32_t>(at));
    }
  }
  nearest.copy_to(out);
}

template <std::size_t kWidth>
[[gnu::always_inline]] inline void rank_by(const float* blocks, std::size_t size,
                                           std::size_t dimension, const float* points,
                                           std::size_t count, std::size_t few, float* scores,
                                           std::uint32_t* out) {
  const std::size_t block_count = (size + kLanes - 1) / kLanes;
  by_tiles(points, count, dimension, few, out,
           [&](const float* tile, std::uint32_t* found) REMAPD_INLINE_LAMBDA {
             float least[kTile][kLanes];
             measure_tile<kWidth>(blocks, block_count, dimension, tile, scores, least);
             for (std::size_t p = 0; p < kTile; ++p) {
               pick_few(scores + p * block_count * kLanes, block_count, least[p], few,
                        found + p * few);
             }
           });
}

REMAPD_SIMD_CLONES
void rank_wide(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
               std::size_t count, std::size_t few, float* scores, std::uint32_t* out) {
  rank_by<kWide>(blocks, size, dimension, points, count, few, scores, out);
}

REMAPD_SIMD_CLONES
void rank_narrow(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
                 std::size_t count, std::size_t few, float* scores, std::uint32_t* out) {
  rank_by<kNarrow>(blocks, size, dimension, points, count, few, scores, out);
}

void rank(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
          std::size_t count, std::size_t few, float* scores, std::uint32_t* out) {
  static const auto chosen = has_wide_vectors() ? rank_wide : rank_narrow;
  chosen(blocks, size, dimension, points, count, few, scores, out);
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

void CentroidBlock::nearest_few(std::span<const float> points, std::size_t few,
                                std::span<std::uint32_t> out) const {
  REMAPD_CHECK(few >= 1 && few <= std::min(kMaxFew, size_), "so many centroids can be the nearest");
  std::vector<float> scores(kTile * (size_ + kLanes));
  rank(blocks_.data(), size_, dimension_, points.data(), out.size() / few, few, scores.data(),
       out.data());
}

}  // namespace remapd::mapping
