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

void Generations::entries(Node first, std::span<const sketch::Slot> slots,
                          std::span<const std::uint8_t> generations, std::span<Node> out) const {
  REMAPD_CHECK(slots.size() == generations.size() && slots.size() == out.size(),
               "entries() makes one of each slot");
  const sketch::Slot* const slot_of = slots.data();
  const std::uint8_t* const generation_of = generations.data();
  Node* const to = out.data();
  const std::uint32_t shift = node_bits_ % 32;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Node entry = (first + slot_of[i]) | Node{generation_of[i]} << shift;
    to[i] = slot_of[i] == sketch::kNoSlot ? kNobody : entry;
  }
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
