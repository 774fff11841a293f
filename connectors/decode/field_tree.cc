#include "connectors/decode/field_tree.h"

namespace remapd::decode {

NodeIndex FieldTree::add(const FieldPath& path) {
  NodeIndex at = kRootNode;
  FieldPath so_far;
  for (const PathStep& step : path) {
    so_far.push_back(step);
    NodeIndex next = step.each() ? nodes_[at].each : child_of(at, step.name);
    if (next == kNoNode) {
      next = static_cast<NodeIndex>(nodes_.size());
      if (step.each()) {
        nodes_[at].each = next;
      } else {
        nodes_[at].children.push_back({step.name, next});
      }
      nodes_.push_back({.path = to_string(so_far)});
    }
    at = next;
  }
  return at;
}

}  // namespace remapd::decode
