// Finding ids in a mapping's sorted ones while intake goes on: a few at a time, among millions.
//
// Every 32nd id is kept apart. Most steps of a search are among these, which stay in the cache; of
// the rest an id needs four lines of memory, and those of all ids are fetched before any is read. A
// quarter of a byte an id.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/types.h"

namespace remapd::mapping {

class IdIndex {
 public:
  IdIndex() = default;
  // Strictly ascending; they must outlive this.
  explicit IdIndex(std::span<const Id> ids);

  // Where among them each id stands, their number for one that does not; the spans are of one
  // length.
  void find(std::span<const Id> wanted, std::span<std::size_t> places) const;

  std::size_t memory_bytes() const { return firsts_.size() * sizeof(Id); }

 private:
  std::span<const Id> ids_;
  std::vector<Id> firsts_;  // of each block of ids
};

}  // namespace remapd::mapping
