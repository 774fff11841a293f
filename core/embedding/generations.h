// Generational indices: entries of lists that outlive the ids they name.
//
// When an id goes its node is given to another one, and the lists that name the node, those of its
// neighbours, should name it no more. Nobody knows which these are. So an entry of a list is not
// the bare node: bits that nodes leave free hold the node's generation, how many ids have had it
// before. An entry of a generation that has passed is of an id that is gone, and a reader of the
// list sees so at once.
//
// Generations are few: kAll, or as many as entries have bits left for, or their reader. Once a
// node's are used up all entries have to be replaced by what they are found to name, and
// generations start anew; so none is ever taken for another id's. That is one pass over everything
// for more ids than there are nodes, as a rule.
//
// Who makes entries need not come here: whoever brings a node's id (the line it is counted in)
// brings its generation, and no other memory is touched for it.
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

  // Of nodes [0, nodes); at most `most` generations each, 1 <= most <= kAll.
  explicit Generations(Node nodes, std::uint32_t most = kAll);

  // Of nodes [first, first + count).
  std::span<const std::uint8_t> of(Node first, Node count) const {
    return passed_.span().subspan(first, count);
  }
  // What stands for an id in a list: its node, of this generation. Not kNobody.
  Node entry(Node node, std::uint8_t generation) const {
    // Where nodes leave no bits there is but one generation, 0.
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
  // Of an entry, whether or not it names it still.
  Node node_of(Node entry) const { return entry & node_mask_; }
  // Whether every entry is the bare node.
  bool none_passed() const { return none_passed_; }

  // The node's id is gone.
  void pass(Node node);
  // Whether some node has had all its generations: then every entry has to be replaced by what it
  // names, and restart() called, before the next one is made.
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
