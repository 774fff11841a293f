// FieldTree: the paths of a layout as one tree, so that a decoder goes through a record once and
// enters only what somebody asked for. A decoder holds a node for each level it has entered:
//
//   object  for each member child_of(node, name): none is skipped
//   list    each(node) for its elements; node.sample says that each of them is a sample
//   value   goes to the slots of the node (sample_builder.h)
//
// Immutable; any number of threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/decode/field_path.h"

namespace remapd::decode {

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = ~NodeIndex{0};
inline constexpr NodeIndex kRootNode = 0;

struct FieldNode {
  struct Child {
    std::string name;
    NodeIndex node;
  };
  std::vector<Child> children{};
  NodeIndex each = kNoNode;
  std::vector<std::uint32_t> slots{};
  bool sample = false;  // an element of sample_per's list
  std::string path{};   // for people

  bool is_leaf() const { return !slots.empty(); }
  bool enters_objects() const { return !children.empty(); }
};

class FieldTree {
 public:
  FieldTree() : nodes_(1) {}

  // The node of a path, made if missing.
  NodeIndex add(const FieldPath& path);
  FieldNode& node(NodeIndex index) { return nodes_[index]; }
  const FieldNode& node(NodeIndex index) const { return nodes_[index]; }

  // O(children).
  NodeIndex child_of(NodeIndex index, std::string_view name) const {
    for (const FieldNode::Child& child : nodes_[index].children) {
      if (child.name == name) return child.node;
    }
    return kNoNode;
  }

 private:
  std::vector<FieldNode> nodes_;
};

}  // namespace remapd::decode
