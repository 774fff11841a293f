// Random: a generator with the same sequence for a seed on every platform, which
// std::normal_distribution and std::shuffle do not guarantee.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include "core/base/hash.h"

namespace remapd {

__extension__ using Uint128 = unsigned __int128;

// SplitMix64 (Steele, Lea, Flood 2014). Not thread safe; copy it freely.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(mix64(seed)) {}

  std::uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15ULL); }

  // Uniform in [0, n); n > 0.
  std::uint64_t below(std::uint64_t n) {
    return static_cast<std::uint64_t>((static_cast<Uint128>(next()) * n) >> 64);
  }

  // Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // Standard normal, by Box-Muller (one of the pair).
  double normal() {
    const double u = 1.0 - uniform();
    const double v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
  }

  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace remapd
