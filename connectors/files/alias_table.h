// AliasTable: draws from a fixed discrete distribution in O(1), one cache line a draw.
//
// Walker's alias method in Vose's form (M. Vose, "A linear algorithm for generating random numbers
// with a given distribution", 1991). Immutable after construction, O(n); safe to share.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/check.h"
#include "core/base/random.h"

namespace remapd::files {

class AliasTable {
 public:
  // Weights are >= 0 with a positive sum; 0 < n < 2^32.
  explicit AliasTable(std::span<const double> weights) : cells_(weights.size()) {
    double sum = 0;
    for (const double weight : weights) sum += weight;
    REMAPD_CHECK(!weights.empty() && weights.size() <= 0xffffffffU && sum > 0,
                 "a distribution has outcomes with weight");
    const double scale = static_cast<double>(weights.size()) / sum;
    std::vector<double> share(weights.size());
    std::vector<std::uint32_t> small;
    std::vector<std::uint32_t> large;
    for (std::uint32_t i = 0; i < weights.size(); ++i) {
      share[i] = weights[i] * scale;
      (share[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
      const std::uint32_t poor = small.back();
      const std::uint32_t rich = large.back();
      small.pop_back();
      cells_[poor] = {share[poor], rich};
      share[rich] -= 1 - share[poor];
      if (share[rich] < 1) {
        large.pop_back();
        small.push_back(rich);
      }
    }
    for (const std::uint32_t i : small) cells_[i] = {1, i};
    for (const std::uint32_t i : large) cells_[i] = {1, i};
  }

  // Zipf's law over ranks 0 .. n - 1: weight (rank + 1)^-exponent.
  static AliasTable zipf(std::uint32_t n, double exponent) {
    std::vector<double> weights(n);
    for (std::uint32_t rank = 0; rank < n; ++rank) {
      weights[rank] = std::pow(static_cast<double>(rank) + 1, -exponent);
    }
    return AliasTable(weights);
  }

  std::uint32_t draw(Random& random) const {
    const auto i = static_cast<std::uint32_t>(random.below(cells_.size()));
    return random.uniform() < cells_[i].keep ? i : cells_[i].alias;
  }

  std::size_t size() const { return cells_.size(); }

 private:
  struct Cell {
    double keep = 1;
    std::uint32_t alias = 0;
  };
  std::vector<Cell> cells_;
};

}  // namespace remapd::files
