// The unsupervised learner: which ids are seen together, kept as a bounded sample of the co-access
// graph. SpectralEmbedding makes vectors of it.
//
// Intake: every id keeps a uniform sample (reservoir; Vitter, ACM TOMS 1985) of the ids it was seen
// with, at most `neighbours` of them. Rare ids, the ones that get clustered, are known completely;
// frequent ids are sampled, which is enough to serve as context. Common ids, offered more contexts
// than 1 % of the samples there were, say nothing as contexts and are left out; which ids are
// common is looked at every 1,024 samples. An access costs O(contexts), less for frequent ids,
// whose reservoirs are rarely replaced.
//
// Between two such looks an id's company depends on nothing but the samples, so tables learn in
// parallel, each its own ids.
//
// Deterministic in the order of the samples, for any number of threads. Not thread safe; parallel
// inside.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"
#include "core/base/state_writer.h"
#include "core/embedding/co_access_snapshot.h"
#include "core/embedding/slot_batch.h"
#include "core/embedding/state_format.h"

namespace remapd::embedding {

class CoAccessGraph {
 public:
  struct Config {
    std::uint32_t neighbours = 64;
    std::uint32_t contexts = 8;  // of each id of a sample, at most; sampled beyond
    std::uint64_t seed = 1;
  };

  CoAccessGraph(const Config& config, std::span<const std::uint32_t> slot_counts);

  void admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids);
  bool has_company(TableIndex table, Slot slot) const {
    return offered_[tables_[table.value].first + slot] != 0;
  }
  // Slots of each table that no longer stand for an id: nobody's context any more. One pass over
  // the graph. slots.size() == tables.
  void evict(std::span<const std::vector<Slot>> slots);
  // Learns samples [first, last) of the batch, the more at once the better memory is used; what is
  // learned does not depend on it. Allocates nothing once its scratch has grown.
  void learn(const SlotBatch& batch, std::size_t first, std::size_t last);
  void learn(const SlotBatch& batch) { learn(batch, 0, batch.samples); }

  // A copy, for an embedding; takes as long as copying what is known of each id.
  CoAccessSnapshot snapshot() const;

  static std::size_t bytes_per_slot(const Config& config);
  std::size_t memory_bytes() const;
  void save(StateWriter& out) const;
  // `format`: of the engine state (docs/formats.md).
  Result<void> load(ByteReader& in, std::uint32_t format = kStateFormat);

 private:
  struct Access {
    Node node;
    std::uint32_t position;  // of the node in Stretch::contexts
    std::uint32_t sample;
  };
  // Samples between two looks at who is common, prepared for learning.
  struct Stretch {
    std::size_t samples = 0;
    std::vector<Node> contexts;                 // sample by sample, kNobody for common ones
    std::vector<std::uint32_t> begin;           // of each sample in contexts
    std::vector<std::vector<Access>> accesses;  // by table and part of it
  };

  // How many of a node's neighbours are in use; those behind are of an id that is gone.
  std::uint32_t known(Node node) const { return std::min(offered_[node], config_.neighbours); }
  Node* places(Node node) { return neighbours_.data() + std::size_t{node} * config_.neighbours; }
  const Node* places(Node node) const {
    return neighbours_.data() + std::size_t{node} * config_.neighbours;
  }
  std::span<Node> neighbours(Node node) { return {places(node), known(node)}; }
  std::span<const Node> neighbours(Node node) const { return {places(node), known(node)}; }

  // A node's neighbours while an access is learned: a uniform sample of the contexts offered.
  struct Reservoir {
    static constexpr std::uint64_t kNextDraw = 6'364'136'223'846'793'005;  // Knuth, MMIX

    Node node;
    std::uint32_t offered;
    std::uint32_t capacity;
    std::uint64_t draw;  // of the next context that finds no room, in its high bits
    Node* places;

    void add(Node context);
  };

  Node node_count() const { return static_cast<Node>(signs_.size()); }
  template <class GatherNext>
  void learn_stretch(GatherNext&& gather_next);
  void gather(const SlotBatch& batch, std::size_t first, std::size_t last, Stretch& stretch) const;
  static std::uint32_t part_of(Node node) { return node * 0x9e3779b1U >> 31; }
  void learn_part(std::size_t part);
  void learn_access(const Access& access, std::vector<Node>& crossed);
  bool is_common(Node node) const { return (common_bits_[node / 64] >> (node % 64) & 1) != 0; }
  // Without a look at memory: false for nearly all that are not.
  bool may_be_common(Node node) const {
    return (common_filter_[filter_bit(node) / 64] >> (filter_bit(node) % 64) & 1) != 0;
  }
  static std::uint32_t filter_bit(Node node) { return (node * 0x9e3779b1U) >> 17; }
  void set_common(Node node, bool common);
  bool look_for_common();
  void find_common();
  void copy_neighbours(Node first, Node last, Node* to) const;
  void load_neighbours(ByteReader& in);
  void load_old(ByteReader& in, std::uint32_t format);
  Result<void> load_common(ByteReader& in);

  Config config_;
  std::vector<NodeRange> tables_;
  // Pages are touched as slots come into use.
  HugeArray<Node> neighbours_;        // nodes x neighbours, the first known() of each
  HugeArray<std::uint32_t> offered_;  // contexts to each node, all time; saturates
  HugeArray<std::uint64_t> signs_;    // of each node's vector to start from; 0: never an id
  std::vector<Node> common_;          // ascending
  HugeArray<std::uint64_t> common_bits_;
  std::array<std::uint64_t, (1U << 15) / 64> common_filter_{};  // a bit for what hashes alike
  std::uint64_t common_above_;              // contexts offered: what the last look went by
  std::vector<std::vector<Node>> crossed_;  // by table: those above it since the last look
  std::uint64_t samples_ = 0;

  // Scratch.
  Stretch now_;
  Stretch next_;
  std::vector<std::size_t> tasks_;  // the first part of each
};

}  // namespace remapd::embedding
