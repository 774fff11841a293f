#include "core/placement/centroid_block.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "core/base/check.h"
#include "core/base/simd.h"

namespace remapd::placement {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kMaxDimension = CentroidBlock::kMaxDimension;

// How a block is worked on: its sixteen lanes in one register or in two, and as many points at a
// time as leave their sums in registers too, all but those for what is loaded (32 of 16 floats, or
// 16 of 8). What does not fit is moved to and fro, which takes ten times as long as the arithmetic.
// Lanes know nothing of each other, so the results are the same bits.
struct Wide {
  static constexpr std::size_t kWidth = 16;
  static constexpr std::size_t kPoints = 12;
};
struct Narrow {
  static constexpr std::size_t kWidth = 8;
  static constexpr std::size_t kPoints = 6;
};
constexpr std::size_t kMaxPoints = 12;

// A block's lanes as registers.
template <class Shape>
struct Lanes {
  typedef float Floats __attribute__((vector_size(Shape::kWidth * sizeof(float))));
  typedef std::int32_t Ints __attribute__((vector_size(Shape::kWidth * sizeof(float))));
  static constexpr std::size_t kParts = kLanes / Shape::kWidth;
};

// Between registers and memory of any alignment.
template <class Registers>
[[gnu::always_inline]] inline void load(Registers& out, const void* from) {
  std::memcpy(&out, from, sizeof(out));
}
template <class Registers>
[[gnu::always_inline]] inline void store(const Registers& from, void* out) {
  std::memcpy(out, &from, sizeof(from));
}

using Floats8 = Lanes<Narrow>::Floats;
using Ints8 = Lanes<Narrow>::Ints;

template <class Vector>
[[gnu::always_inline]] inline void take_least(Vector& a, const Vector& b) {
  a = b < a ? b : a;
}

// The least of eight, in all of them.
template <class Vector>
[[gnu::always_inline]] inline void spread_least(Vector& v) {
  take_least<Vector>(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3));
  take_least<Vector>(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5));
  take_least<Vector>(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6));
}

// The best of each lane: its value, and the block it is in.
struct BestLanes {
  [[gnu::always_inline]] BestLanes() {
    std::fill_n(value, kLanes, std::numeric_limits<float>::infinity());
    std::fill_n(block, kLanes, 0);
  }
  // The least of all; of equal ones the lowest index.
  [[gnu::always_inline]] CentroidBlock::Nearest overall() const {
    Floats8 values[2];
    Ints8 indexes[2];
    load(values, value);
    load(indexes, block);
    Floats8 best = values[0];
    take_least(best, values[1]);
    spread_least(best);
    for (int half = 0; half < 2; ++half) {
      const Ints8 lane = Ints8{0, 1, 2, 3, 4, 5, 6, 7} + 8 * half;
      const Ints8 index = indexes[half] * static_cast<std::int32_t>(kLanes) + lane;
      const Ints8 none = Ints8{} + std::numeric_limits<std::int32_t>::max();
      indexes[half] = values[half] == best ? index : none;
    }
    Ints8 first = indexes[0];
    take_least(first, indexes[1]);
    spread_least(first);
    return {static_cast<std::uint32_t>(first[0]), best[0]};
  }

  float value[kLanes];
  std::int32_t block[kLanes];
};

// A tile's points times two, by dimension, so that one load spreads to all lanes; and their squared
// norms, summed in the order of the dimensions.
template <std::size_t kPoints>
struct Tile {
  [[gnu::always_inline]] Tile(const float* points, std::size_t dimension) {
    for (std::size_t k = 0; k < dimension; ++k) {
      for (std::size_t p = 0; p < kPoints; ++p) {
        const float x = points[p * dimension + k];
        norm[p] += x * x;
        doubled[k * kPoints + p] = 2 * x;
      }
    }
  }
  float norm[kPoints] = {};
  float doubled[kMaxDimension * kPoints];
};

// From each score twice the product of point and centroid. The points share each load of a centroid
// and keep as many sums in flight; every lane adds in the order of the dimensions, whatever kPoints
// is.
template <std::size_t kPoints, class Shape>
[[gnu::always_inline]] inline void subtract_products(
    const Tile<kPoints>& tile, const float* block, std::size_t dimension,
    typename Lanes<Shape>::Floats (&score)[kPoints][Lanes<Shape>::kParts]) {
  constexpr std::size_t kParts = Lanes<Shape>::kParts;
  for (std::size_t k = 0; k < dimension; ++k) {
    typename Lanes<Shape>::Floats centroid[kParts];
    for (std::size_t part = 0; part < kParts; ++part) {
      load(centroid[part], block + (k + 1) * kLanes + part * Shape::kWidth);
    }
    for (std::size_t p = 0; p < kPoints; ++p) {
      const float x = tile.doubled[k * kPoints + p];
      for (std::size_t part = 0; part < kParts; ++part) score[p][part] -= x * centroid[part];
    }
  }
}

// The nearest centroid of each of kPoints points.
template <std::size_t kPoints, class Shape>
[[gnu::always_inline]] inline void search_tile(const float* blocks, std::size_t size,
                                               std::size_t dimension, const float* points,
                                               CentroidBlock::Nearest* out) {
  using Floats = typename Lanes<Shape>::Floats;
  using Ints = typename Lanes<Shape>::Ints;
  constexpr std::size_t kParts = Lanes<Shape>::kParts;
  constexpr std::size_t kWidth = Shape::kWidth;
  const std::size_t stride = kLanes * (dimension + 1);
  const Tile<kPoints> tile(points, dimension);
  BestLanes best[kPoints];
  for (std::size_t b = 0, count = (size + kLanes - 1) / kLanes; b < count; ++b) {
    const float* block = blocks + b * stride;
    Floats score[kPoints][kParts];
    for (std::size_t part = 0; part < kParts; ++part) {
      Floats norm;
      load(norm, block + part * kWidth);
      for (std::size_t p = 0; p < kPoints; ++p) score[p][part] = norm;
    }
    subtract_products<kPoints, Shape>(tile, block, dimension, score);
    const Ints here = Ints{} + static_cast<std::int32_t>(b);
    for (std::size_t p = 0; p < kPoints; ++p) {
      for (std::size_t part = 0; part < kParts; ++part) {
        Floats least;
        Ints where;
        load(least, best[p].value + part * kWidth);
        load(where, best[p].block + part * kWidth);
        const Ints nearer = score[p][part] < least;
        least = nearer ? score[p][part] : least;
        where = nearer ? here : where;
        store(least, best[p].value + part * kWidth);
        store(where, best[p].block + part * kWidth);
      }
    }
  }
  for (std::size_t p = 0; p < kPoints; ++p) {
    out[p] = best[p].overall();
    out[p].distance = std::max(0.0F, out[p].distance + tile.norm[p]);
  }
}

// fn(points, out) for kPoints points at a time; the last ones in the company of copies.
template <std::size_t kPoints, class Out, class Fn>
[[gnu::always_inline]] inline void by_tiles(const float* points, std::size_t count,
                                            std::size_t dimension, std::size_t width, Out* out,
                                            Fn&& fn) {
  std::size_t at = 0;
  for (; at + kPoints <= count; at += kPoints) fn(points + at * dimension, out + at * width);
  if (at == count) return;
  float padded[kMaxDimension * kPoints];
  Out found[kPoints * CentroidBlock::kMaxFew];
  for (std::size_t p = 0; p < kPoints; ++p) {
    std::copy_n(points + std::min(at + p, count - 1) * dimension, dimension,
                padded + p * dimension);
  }
  fn(padded, found);
  std::copy_n(found, (count - at) * width, out + at * width);
}

// The tile's function must become part of the clone that calls it, or it is compiled for none.
#define REMAPD_INLINE_LAMBDA __attribute__((always_inline))

template <class Shape>
[[gnu::always_inline]] inline void search_by(const float* blocks, std::size_t size,
                                             std::size_t dimension, const float* points,
                                             std::size_t count, CentroidBlock::Nearest* out) {
  if (count == 1) return search_tile<1, Shape>(blocks, size, dimension, points, out);
  by_tiles<Shape::kPoints>(
      points, count, dimension, 1, out,
      [&](const float* tile, CentroidBlock::Nearest* found) REMAPD_INLINE_LAMBDA {
        search_tile<Shape::kPoints, Shape>(blocks, size, dimension, tile, found);
      });
}

REMAPD_SIMD_CLONES
void search_wide(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
                 std::size_t count, CentroidBlock::Nearest* out) {
  search_by<Wide>(blocks, size, dimension, points, count, out);
}

REMAPD_SIMD_CLONES
void search_narrow(const float* blocks, std::size_t size, std::size_t dimension,
                   const float* points, std::size_t count, CentroidBlock::Nearest* out) {
  search_by<Narrow>(blocks, size, dimension, points, count, out);
}

void search(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
            std::size_t count, CentroidBlock::Nearest* out) {
  static const auto chosen = has_wide_vectors() ? search_wide : search_narrow;
  chosen(blocks, size, dimension, points, count, out);
}

// Squared distances of kPoints points to all centroids, point after point in `scores`, each with
// room for whole blocks.
template <class Shape>
[[gnu::always_inline]] inline void measure_tile(const float* blocks, std::size_t count,
                                                std::size_t dimension, const float* points,
                                                float* scores) {
  using Floats = typename Lanes<Shape>::Floats;
  constexpr std::size_t kParts = Lanes<Shape>::kParts;
  constexpr std::size_t kWidth = Shape::kWidth;
  constexpr std::size_t kPoints = Shape::kPoints;
  const std::size_t stride = kLanes * (dimension + 1);
  const Tile<kPoints> tile(points, dimension);
  for (std::size_t b = 0; b < count; ++b) {
    const float* block = blocks + b * stride;
    Floats score[kPoints][kParts];
    for (std::size_t part = 0; part < kParts; ++part) {
      Floats own;
      load(own, block + part * kWidth);
      for (std::size_t p = 0; p < kPoints; ++p) score[p][part] = own + tile.norm[p];
    }
    subtract_products<kPoints, Shape>(tile, block, dimension, score);
    for (std::size_t p = 0; p < kPoints; ++p) {
      for (std::size_t part = 0; part < kParts; ++part) {
        store(score[p][part], scores + (p * count + b) * kLanes + part * kWidth);
      }
    }
  }
}

// The indexes of the `few` least scores, ascending; of equal ones the lower first. One after the
// other is found and struck out.
[[gnu::always_inline]] inline void take_few(float* scores, std::size_t count, std::size_t few,
                                            std::uint32_t* out) {
  constexpr std::size_t kParts = Lanes<Narrow>::kParts;
  for (std::size_t rank = 0; rank < few; ++rank) {
    BestLanes best;
    Floats8 value[kParts];
    Ints8 block[kParts];
    load(value, best.value);
    load(block, best.block);
    for (std::size_t b = 0; b < count; ++b) {
      const Ints8 here = Ints8{} + static_cast<std::int32_t>(b);
      for (std::size_t part = 0; part < kParts; ++part) {
        Floats8 score;
        load(score, scores + b * kLanes + part * Narrow::kWidth);
        const Ints8 nearer = score < value[part];
        value[part] = nearer ? score : value[part];
        block[part] = nearer ? here : block[part];
      }
    }
    store(value, best.value);
    store(block, best.block);
    out[rank] = best.overall().index;
    scores[out[rank]] = std::numeric_limits<float>::infinity();
  }
}

template <class Shape>
[[gnu::always_inline]] inline void rank_by(const float* blocks, std::size_t size,
                                           std::size_t dimension, const float* points,
                                           std::size_t count, std::size_t few, float* scores,
                                           std::uint32_t* out) {
  const std::size_t block_count = (size + kLanes - 1) / kLanes;
  by_tiles<Shape::kPoints>(points, count, dimension, few, out,
                           [&](const float* tile, std::uint32_t* found) REMAPD_INLINE_LAMBDA {
                             measure_tile<Shape>(blocks, block_count, dimension, tile, scores);
                             for (std::size_t p = 0; p < Shape::kPoints; ++p) {
                               take_few(scores + p * block_count * kLanes, block_count, few,
                                        found + p * few);
                             }
                           });
}

REMAPD_SIMD_CLONES
void rank_wide(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
               std::size_t count, std::size_t few, float* scores, std::uint32_t* out) {
  rank_by<Wide>(blocks, size, dimension, points, count, few, scores, out);
}

REMAPD_SIMD_CLONES
void rank_narrow(const float* blocks, std::size_t size, std::size_t dimension, const float* points,
                 std::size_t count, std::size_t few, float* scores, std::uint32_t* out) {
  rank_by<Narrow>(blocks, size, dimension, points, count, few, scores, out);
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
  std::vector<float> scores(kMaxPoints * (size_ + kLanes));
  rank(blocks_.data(), size_, dimension_, points.data(), out.size() / few, few, scores.data(),
       out.data());
}

}  // namespace remapd::placement
