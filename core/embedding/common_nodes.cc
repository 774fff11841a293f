#include "core/embedding/common_nodes.h"

#include <algorithm>
#include <bit>

namespace remapd::embedding {

// Pages beyond the last node are never touched.
CommonNodes::CommonNodes(Node nodes)
    : bits_(((std::size_t{1} << std::bit_width(nodes)) + 63) / 64) {}

void CommonNodes::add(std::span<const Node> nodes) {
  for (const Node node : nodes) {
    bits_[node / 64] |= bit(node);
    filter_[place_in_filter(node)] = 1;
  }
  nodes_.insert(nodes_.end(), nodes.begin(), nodes.end());
  std::sort(nodes_.begin(), nodes_.end());
}

// Without those that were erased.
void CommonNodes::make_filter() {
  filter_.fill(0);
  for (const Node node : nodes_) filter_[place_in_filter(node)] = 1;
}

}  // namespace remapd::embedding
