#include "core/embedding/generations.h"

#include <algorithm>
#include <bit>

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kMaxBits = 7;  // of a generation: one more than the last fits a byte

}  // namespace

// kNobody, all bits set, stays free: nodes end below the largest number of node_bits_.
Generations::Generations(Node nodes)
    : passed_(nodes),
      node_bits_(static_cast<std::uint32_t>(std::bit_width(nodes))),
      node_mask_(static_cast<Node>((std::uint64_t{1} << node_bits_) - 1)),
      last_(static_cast<std::uint8_t>((1U << std::min(kMaxBits, 32 - node_bits_)) - 1)) {}

void Generations::pass(Node node) {
  seen_ = ~Node{0};
  // No further than one past the last, which no entry tells.
  if (passed_[node] <= last_) ++passed_[node];
  used_up_ |= passed_[node] > last_;
}

void Generations::restart() {
  passed_ = HugeArray<std::uint8_t>(passed_.size());
  seen_ = 0;
  used_up_ = false;
}

}  // namespace remapd::embedding
