// The unsupervised learner: which ids are accessed together, as a bounded sample of the co-access
// graph. SpectralEmbedding makes vectors of it.
//
// The contexts of an access are the other tracked ids of its sample, at most 8 of them, without
// common ids. Samples with a label of 0 are not learned. Every id keeps a uniform sample of at most
// kNeighbours of its contexts (reservoir sampling; Vitter, ACM TOMS 1985): complete for rare ids,
// the ones that are clustered.
//
//   Thinning. The first 64 accesses of an id are learned (128 in samples of two ids), then one of
//   every 2, 4, 8, ..., which stands for all of them: 32 (64) of each doubling (thinning.h).
//   Common ids. An id that was offered more contexts than 1 % of the samples, and more than 200, is
//   no context. The set is updated every 1,024 samples; in between, the neighbours of an id depend
//   on the samples alone, so that tables learn in parallel.
//
// Learning an access is O(contexts) and costs one or two cold cache lines. Deterministic in the
// order of the samples, for any number of threads. Not thread safe; parallel inside.
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

  // slot_counts: slots of each table. `generations`: how many generations of a slot a SlotBatch can
  // express.
  CoAccessGraph(const Config& config, std::span<const std::uint32_t> slot_counts,
                std::uint32_t generations = Generations::kAll);

  void admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids);
  // Slots of each table whose ids were evicted; slots.size() == tables. O(slots given + common
  // ids). True when a slot had used up its generations: then it was a pass over the graph, and the
  // generations of all slots are 0 again.
  bool evict(std::span<const std::vector<Slot>> slots);
  // The generation of each slot of the table: how many ids have had it before.
  std::span<const std::uint8_t> generations(TableIndex table) const {
    return generations_.of(tables_[table.value].first, tables_[table.value].count);
  }
  // Learns samples [first, last) of the batch; what is learned does not depend on how a stream is
  // cut. Allocates nothing once its scratch has grown.
  void learn(const SlotBatch& batch, std::size_t first, std::size_t last);
  void learn(const SlotBatch& batch) { learn(batch, 0, batch.samples); }

  // A copy, for an embedding. O(ids x neighbours).
  CoAccessSnapshot snapshot() const;

  static std::size_t bytes_per_slot();
  std::size_t memory_bytes() const;
  void save(StateWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  struct Company {
    std::uint32_t offered;  // contexts, each times the accesses it stands for; saturates
    std::array<Node, kNeighbours> neighbours;  // entries of Generations

    // How many neighbours are in use; those behind belong to an earlier id of the node.
    std::uint32_t known() const { return std::min(offered, kNeighbours); }
    std::span<Node> in_use() { return {neighbours.data(), known()}; }
    std::span<const Node> in_use() const { return {neighbours.data(), known()}; }
  };
  // Checked before company_ is read, so that pages never used stay untouched.
  bool was_id(Node node) const { return signs_[node] != 0; }

  Node node_count() const { return static_cast<Node>(signs_.size()); }
  template <class PrepareNext>
  void learn_stretch(PrepareNext&& prepare_next);
  void learn_part(std::size_t part);
  // Differs for every access that is learned, because `offered` grows.
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
  HugeArray<std::uint64_t> signs_;  // of each node's initial vector; 0: never an id
  Generations generations_;
  CommonNodes common_;
  std::uint64_t common_above_;              // contexts offered: more make an id common
  std::vector<std::vector<Node>> crossed_;  // by part: those that exceeded it since the last update
  std::uint64_t samples_ = 0;

  // Scratch.
  Stretch now_;
  Stretch next_;
  std::vector<std::size_t> tasks_;  // the first part of each
};

}  // namespace remapd::embedding
