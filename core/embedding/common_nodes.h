// The ids that are seen with so many others that their company says nothing, as words like "the" in
// a text: nodes, few of them, of which it is asked for every access whether it is one.
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
  // Of nodes [0, nodes).
  explicit CommonNodes(Node nodes);

  // 1 or 0, of any node below the power of two above nodes. No branch, for which one it is cannot
  // be guessed; and cold memory is looked at for no more than a few that are not.
  std::uint32_t contains(Node node) const {
    const std::uint32_t may_be = filter_[place_in_filter(node)];
    return static_cast<std::uint32_t>(bits_[node / 64 * may_be] >> (node % 64)) & may_be;
  }
  // Ascending.
  const std::vector<Node>& nodes() const { return nodes_; }

  // Nodes that are not among them yet, each once.
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
