// The unsupervised learner: which ids are seen together, kept as a bounded sample of the co-access
// graph. SpectralEmbedding makes vectors of it.
//
// Intake: every id keeps a uniform sample (reservoir; Vitter, ACM TOMS 1985) of the ids it was seen
// with, at most kNeighbours of them. Rare ids, the ones that get clustered, are known completely;
// frequent ids are sampled, which is enough to serve as context. Of an id's accesses the first 64
// are learned (in samples of two ids: 128), then, as their number doubles, one of every 2, 4, 8,
// ... for all of them: so the ids that most accesses are of cost next to nothing. Common ids,
// offered more contexts than 1 % of the samples there were, say nothing as contexts and are left
// out; which ids are common is looked at every 1,024 samples. Learning an access costs O(contexts)
// and a cold cache line or two.
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
#include "core/base/hash.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"
#include "core/base/state_writer.h"
#include "core/embedding/co_access_snapshot.h"
#include "core/embedding/common_nodes.h"
#include "core/embedding/generations.h"
#include "core/embedding/slot_batch.h"
#include "core/embedding/stretch.h"

namespace remapd::embedding {

class CoAccessGraph {
 public:
  static constexpr std::uint32_t kNeighbours = 63;  // with their number four cache lines

  struct Config {
    std::uint64_t seed = 1;
  };

  // `generations`: the most of a slot that its batches tell apart.
  CoAccessGraph(const Config& config, std::span<const std::uint32_t> slot_counts,
                std::uint32_t generations = Generations::kAll);

  void admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids);
  // Slots of each table that no longer stand for an id: nobody's context any more. Takes as long as
  // there are slots. True when generations were used up: then it took a pass over the graph, and
  // those of all slots are 0 again. slots.size() == tables.
  bool evict(std::span<const std::vector<Slot>> slots);
  // Of each slot of the table, how many ids have had it before: what batches tell with a slot.
  std::span<const std::uint8_t> generations(TableIndex table) const {
    return generations_.of(tables_[table.value].first, tables_[table.value].count);
  }
  // Learns samples [first, last) of the batch, the more at once the better memory is used; what is
  // learned does not depend on it. Allocates nothing once its scratch has grown.
  void learn(const SlotBatch& batch, std::size_t first, std::size_t last);
  void learn(const SlotBatch& batch) { learn(batch, 0, batch.samples); }

  // A copy, for an embedding; takes as long as copying what is known of each id.
  CoAccessSnapshot snapshot() const;

  static std::size_t bytes_per_slot();
  std::size_t memory_bytes() const;
  void save(StateWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  struct Company {
    std::uint32_t offered;  // contexts, all time, as far as what was learned stands for; saturates
    std::array<Node, kNeighbours> neighbours;  // entries of Generations

    // How many neighbours are in use; those behind are of an id that had the node before.
    std::uint32_t known() const { return std::min(offered, kNeighbours); }
    std::span<Node> in_use() { return {neighbours.data(), known()}; }
    std::span<const Node> in_use() const { return {neighbours.data(), known()}; }
  };
  // Pages of company_ that no node was an id of stay untouched: whoever goes over nodes asks first.
  bool was_id(Node node) const { return signs_[node] != 0; }

  Node node_count() const { return static_cast<Node>(signs_.size()); }
  template <class PrepareNext>
  void learn_stretch(PrepareNext&& prepare_next);
  void learn_part(std::size_t part);
  // Another one with every access that is learned: `offered` grows.
  std::uint64_t draw_for(Node node, std::uint32_t offered) const {
    return mix64((std::uint64_t{node} << 32 | offered) + config_.seed);
  }
  std::uint32_t choose_contexts(const Stretch::Access& access, Node* chosen) const;
  static void take_free_places(Company& company, const Node* chosen, std::uint32_t n);
  void learn_access(const Stretch::Access& access, std::vector<Node>& crossed);
  bool look_for_common();
  void find_common();
  void restart_generations();
  void copy_neighbours(Node first, Node last, Node* to) const;
  void save_company(Node first, Node last, ByteWriter& out) const;
  void load_neighbours(ByteReader& in, Node first, std::span<const std::uint32_t> contexts);
  Result<void> load_common(ByteReader& in);

  Config config_;
  std::vector<NodeRange> tables_;
  // Pages are touched as slots come into use.
  HugeArray<Company> company_;      // of each node
  HugeArray<std::uint64_t> signs_;  // of each node's vector to start from; 0: never an id
  Generations generations_;
  CommonNodes common_;
  std::uint64_t common_above_;              // contexts offered: what the last look went by
  std::vector<std::vector<Node>> crossed_;  // by table: those above it since the last look
  std::uint64_t samples_ = 0;

  // Scratch.
  Stretch now_;
  Stretch next_;
  std::vector<std::size_t> tasks_;  // the first part of each
};

}  // namespace remapd::embedding
