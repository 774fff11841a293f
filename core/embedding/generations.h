// Generations: generational indices, for lists of nodes that outlive the ids they name.
//
// When an id is evicted its node is given to another id, while lists of neighbours still name the
// node, and it is not known which. So a list holds entries: a node and, in the bits that nodes
// leave free, its generation, the number of ids that had it before. named() finds out that an entry
// is of an earlier generation.
//
// A node has at most `most` generations, fewer where entries have fewer bits left. When one has
// used them up (used_up()), the owner replaces every entry by named() and calls restart(): a pass
// over all lists, usually after more evictions than there are nodes.
//
// One byte a node. Const calls may be made by several threads at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/huge_array.h"
#include "core/embedding/co_access_snapshot.h"
#include "core/sketch/tracked_ids.h"

namespace remapd::embedding {

class Generations {
 public:
  static constexpr std::uint32_t kAll = 32;

  // For nodes [0, nodes), with at most `most` generations each, 1 <= most <= kAll.
  explicit Generations(Node nodes, std::uint32_t most = kAll);

  // Of nodes [first, first + count).
  std::span<const std::uint8_t> of(Node first, Node count) const {
    return passed_.span().subspan(first, count);
  }
  // The entry of a node of this generation. Never kNobody.
  Node entry(Node node, std::uint8_t generation) const {
    // Where nodes leave no bits free, 0 is the only generation.
    return node | Node{generation} << (node_bits_ % 32);
  }
  // The same for ids of slots of a table whose first node is given; kNobody for sketch::kNoSlot.
  // The spans are of one length.
  void entries(Node first, std::span<const sketch::Slot> slots,
               std::span<const std::uint8_t> generations, std::span<Node> out) const;
  // What an entry, or kNobody, names now: the node, or kNobody if the id is gone.
  Node named(Node entry) const {
    if (entry == kNobody) return kNobody;
    const Node node = node_of(entry);
    return (node | std::uint64_t{passed_[node]} << node_bits_) == entry ? node : kNobody;
  }
  // The node of an entry of any generation.
  Node node_of(Node entry) const { return entry & node_mask_; }
  // Whether every entry equals its node.
  bool none_passed() const { return none_passed_; }

  // The node's id is gone.
  void pass(Node node);
  // Whether a node has used up its generations: then every entry must be replaced by named(), and
  // restart() called, before the next entry is made.
  bool used_up() const { return used_up_; }
  void restart();

  static std::size_t bytes_per_node() { return sizeof(std::uint8_t); }
  std::size_t memory_bytes() const { return passed_.memory_bytes(); }

 private:
  // How many generations of each node have passed, up to one more than entries can tell.
  HugeArray<std::uint8_t> passed_;
  std::uint32_t node_bits_;
  Node node_mask_;
  std::uint8_t last_;  // generation that entries can tell
  bool none_passed_ = true;
  bool used_up_ = false;
};

}  // namespace remapd::embedding
