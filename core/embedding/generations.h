// Generational indices: entries of lists that outlive the ids they name.
//
// When an id goes its node is given to another one, and the lists that name the node, those of its
// neighbours, should name it no more. Nobody knows which these are. So an entry of a list is not
// the bare node: the bits that nodes leave free hold the node's generation, which changes when its
// id goes. An entry of a generation that has passed is of an id that is gone, and whoever reads the
// list sees so at once.
//
// Generations are few (128; fewer where nodes need more than 25 of the 32 bits). Once a node's are
// used up all entries have to be replaced by what they are found to name, and generations start
// anew; so none is ever taken for another id's. That is one pass over everything for more ids than
// there are nodes, many times as many as a rule.
//
// One byte a node. Const calls may be made by several threads at the same time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/huge_array.h"
#include "core/embedding/co_access_snapshot.h"

namespace remapd::embedding {

class Generations {
 public:
  // Of nodes [0, nodes).
  explicit Generations(Node nodes);

  // What stands for the node's present id in a list; not kNobody.
  Node entry(Node node) const { return static_cast<Node>(whole_entry(node)); }
  // What an entry, or kNobody, names now: the node, or kNobody if the id is gone.
  Node named(Node entry) const {
    if (entry == kNobody) return kNobody;
    const Node node = node_of(entry);
    return whole_entry(node) == entry ? node : kNobody;
  }
  // Of an entry, whether or not it names it still.
  Node node_of(Node entry) const { return entry & node_mask_; }
  // Whether every entry is the bare node.
  bool none_passed() const { return seen_ == 0; }

  // The node's id is gone.
  void pass(Node node);
  // Whether some node has had all its generations: then every entry has to be replaced by what it
  // names, and restart() called, before the next one is made.
  bool used_up() const { return used_up_; }
  void restart();

  static std::size_t bytes_per_node() { return sizeof(std::uint8_t); }
  std::size_t memory_bytes() const { return passed_.memory_bytes(); }

 private:
  // Too long for an entry once the node's generations are used up.
  std::uint64_t whole_entry(Node node) const {
    return node | std::uint64_t{passed_[node & seen_]} << node_bits_;
  }

  // How many generations of each node have passed, up to one more than entries can tell.
  HugeArray<std::uint8_t> passed_;
  std::uint32_t node_bits_;
  Node node_mask_;
  std::uint8_t last_;  // generation that entries can tell
  Node seen_ = 0;      // all bits, once one has passed: until then not many lines are read
  bool used_up_ = false;
};

}  // namespace remapd::embedding
