#include "core/embedding/generations.h"

#include <algorithm>
#include <bit>

#include "core/base/check.h"

namespace remapd::embedding {

// kNobody, all bits set, stays free: nodes end below the largest number of node_bits_.
Generations::Generations(Node nodes, std::uint32_t most)
    : passed_(nodes),
      node_bits_(static_cast<std::uint32_t>(std::bit_width(nodes))),
      node_mask_(static_cast<Node>((std::uint64_t{1} << node_bits_) - 1)),
      last_(static_cast<std::uint8_t>(
          std::min<std::uint64_t>(most, std::uint64_t{1} << (32 - node_bits_)) - 1)) {
  REMAPD_CHECK(most >= 1 && most <= kAll, "a node has between 1 and kAll generations");
}

void Generations::pass(Node node) {
  none_passed_ = false;
  // No further than one past the last, which no entry tells.
  if (passed_[node] <= last_) ++passed_[node];
  used_up_ |= passed_[node] > last_;
}

void Generations::restart() {
  passed_ = HugeArray<std::uint8_t>(passed_.size());
  none_passed_ = true;
  used_up_ = false;
}

}  // namespace remapd::embedding
