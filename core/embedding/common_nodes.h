// CommonNodes: the set of ids that occur with so many others that they carry no information as
// contexts (stop words). Small, and tested for every access. contains() is O(1), add() and
// erase_if() are O(nodes log nodes).
//
// Const calls may be made by several threads at the same time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/huge_array.h"
#include "core/embedding/co_access_snapshot.h"

namespace remapd::embedding {

class CommonNodes {
 public:
  // A set of nodes below `nodes`.
  explicit CommonNodes(Node nodes);

  // 1 or 0; `node` is below the power of two above `nodes`. Without a branch, which would be
  // mispredicted, and without cold memory for most nodes that are not in the set.
  std::uint32_t contains(Node node) const {
    const std::uint32_t may_be = filter_[place_in_filter(node)];
    return static_cast<std::uint32_t>(bits_[node / 64 * may_be] >> (node % 64)) & may_be;
  }
  // Ascending.
  const std::vector<Node>& nodes() const { return nodes_; }

  // Adds nodes that are not in the set, each once.
  void add(std::span<const Node> nodes);
  template <class Pred>
  void erase_if(Pred&& pred) {
    const auto erased = std::erase_if(nodes_, [&](Node node) {
      const bool goes = pred(node);
      if (goes) bits_[node / 64] &= ~bit(node);
      return goes;
    });
    if (erased > 0) make_filter();
  }

  std::size_t memory_bytes() const { return bits_.memory_bytes(); }

 private:
  static constexpr std::uint32_t kFilterBits = 13;

  static std::uint64_t bit(Node node) { return std::uint64_t{1} << (node % 64); }
  static std::uint32_t place_in_filter(Node node) {
    return node * 0x9e3779b1U >> (32 - kFilterBits);
  }
  void make_filter();

  std::vector<Node> nodes_;
  HugeArray<std::uint64_t> bits_;
  std::array<std::uint8_t, 1U << kFilterBits> filter_{};  // 1 for what hashes alike
};

}  // namespace remapd::embedding
