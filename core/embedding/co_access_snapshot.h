// CoAccessSnapshot: a copy of a CoAccessGraph's neighbours at one sample, from which an embedding
// is computed while the graph goes on learning.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/huge_array.h"

namespace remapd::embedding {

// An id of any table: its table's first node + its slot.
using Node = std::uint32_t;
inline constexpr Node kNobody = 0xffffffff;

struct NodeRange {
  Node first = 0;
  Node count = 0;
};

struct CoAccessSnapshot {
  static constexpr std::size_t kBlock = 256;  // nodes

  std::vector<NodeRange> tables;     // side by side, from node 0 on
  std::uint32_t capacity = 0;        // of a node's sample of neighbours
  HugeArray<std::uint64_t> signs;    // by node: of its initial vector; 0: never an id
  HugeArray<std::uint32_t> offered;  // by node: contexts it was offered, all time
  // By block of nodes: where its neighbours begin; then the end of all.
  std::vector<std::size_t> block_begin;
  // known() neighbours of each node, node after node; kNobody for an id that was evicted.
  HugeArray<Node> neighbours;

  std::uint32_t known(Node node) const { return std::min(offered[node], capacity); }
  // Where the node's neighbours begin.
  std::size_t neighbours_at(Node node) const {
    const Node block = node / kBlock;
    std::size_t at = block_begin[block];
    for (Node before = block * kBlock; before < node; ++before) at += known(before);
    return at;
  }
};

}  // namespace remapd::embedding
