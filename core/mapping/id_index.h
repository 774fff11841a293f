// IdIndex: finds ids in a sorted list of millions, a few at a time; O(log n) an id.
//
// A copy of every 32nd id, a quarter of a byte an id, holds most steps of a search in the cache;
// the four cache lines an id needs besides are prefetched for all ids asked for. Const calls are
// thread safe.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/types.h"

namespace remapd::mapping {

class IdIndex {
 public:
  IdIndex() = default;
  // `ids` are strictly ascending and must outlive this.
  explicit IdIndex(std::span<const Id> ids);

  // places[i]: the position of wanted[i], or the number of ids if it is not among them. The spans
  // have one length.
  void find(std::span<const Id> wanted, std::span<std::size_t> places) const;

  std::size_t memory_bytes() const { return firsts_.size() * sizeof(Id); }

 private:
  std::span<const Id> ids_;
  std::vector<Id> firsts_;  // of each block of ids
};

}  // namespace remapd::mapping
