// DistinctIds: how many distinct ids there are, exactly as long as they are few, and how many rows
// a share of them is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "core/base/hash.h"
#include "core/base/types.h"
#include "core/sketch/hyperloglog.h"

namespace remapd::cli {

class DistinctIds {
 public:
  // A table of so few ids gets a row for each, whatever share of rows was asked for.
  static constexpr std::size_t kFew = 1000;

  void add(Id id) {
    if (few_.size() <= kFew) few_.insert(id);
    many_.add(hash_id(id, 0));
  }
  bool few() const { return few_.size() <= kFew; }
  double count() const { return few() ? static_cast<double>(few_.size()) : many_.estimate(); }
  std::uint32_t rows(double share) const {
    return static_cast<std::uint32_t>(std::max(1.0, std::ceil(count() * (few() ? 1.0 : share))));
  }

 private:
  std::unordered_set<Id> few_;
  sketch::HyperLogLog many_{sketch::HyperLogLog::kMaxPrecision};
};

}  // namespace remapd::cli
