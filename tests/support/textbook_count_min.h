// Count-min as published (Cormode & Muthukrishnan 2005): rows of 32-bit counters, plain updates.
// What sketch::CountMin is compared with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/hash.h"

namespace remapd::support {

class TextbookCountMin {
 public:
  TextbookCountMin(std::uint64_t bytes, std::uint32_t rows)
      : rows_(rows),
        width_(static_cast<std::uint32_t>(bytes / sizeof(std::uint32_t) / rows)),
        counters_(std::size_t{rows_} * width_) {}

  void add(std::uint64_t hash) {
    for (std::uint32_t r = 0; r < rows_; ++r) ++counters_[at(hash, r)];
  }
  double estimate(std::uint64_t hash) const {
    std::uint32_t least = ~0U;
    for (std::uint32_t r = 0; r < rows_; ++r) least = std::min(least, counters_[at(hash, r)]);
    return least;
  }

 private:
  std::size_t at(std::uint64_t hash, std::uint32_t row) const {
    return std::size_t{row} * width_ + reduce(hash_id(hash, row), width_);
  }

  std::uint32_t rows_;
  std::uint32_t width_;
  std::vector<std::uint32_t> counters_;
};

}  // namespace remapd::support
