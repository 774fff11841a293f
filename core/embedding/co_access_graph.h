// The unsupervised learner: which ids are seen together, kept as a bounded sample of the co-access
// graph, and a spectral embedding of that graph.
//
// Intake: every id keeps a uniform sample (reservoir; Vitter, ACM TOMS 1985) of the ids it was seen
// with, at most `neighbours` of them. Rare ids, the ones that get clustered, are known completely;
// frequent ids are sampled, which is enough to serve as context. Contexts that appear in more than
// 1 % of the samples say nothing and are left out. An access costs O(contexts), less for frequent
// ids, whose reservoirs are rarely replaced.
//
// refresh(): every id starts from random signs derived from its hash; a few rounds multiply by the
// normalised adjacency D^-1/2 A D^-1/2 of the sampled graph, each table whitened after each round.
// That is the random projection of a power of the adjacency (as in FastRP, Chen et al., CIKM 2019):
// after few rounds ids are near when many short paths join them. Going on to convergence (spectral
// co-clustering, Dhillon, KDD 2001) keeps the coarse communities alone and clusters worse. The
// embedding is a function of the graph, whatever was refreshed before, and moves as little between
// versions as the graph does. Cost of a round: O(ids x neighbours x dimension).
//
// What embed() returns is that direction and, as one more coordinate, how popular the id is: a
// model learns a row's popularity as it learns its taste, and ids that share a row share both.
//
// Deterministic in the order of the samples. Not thread safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"
#include "core/embedding/slot_batch.h"

namespace remapd::embedding {

class CoAccessGraph {
 public:
  struct Config {
    std::uint32_t dimension = 64;  // of the random signs, <= 64
    std::uint32_t neighbours = 64;
    std::uint32_t contexts = 8;  // of each id of a sample, at most; sampled beyond
    std::uint32_t rounds = 4;
    std::uint64_t seed = 1;
  };

  CoAccessGraph(const Config& config, std::span<const std::uint32_t> slot_counts);

  void admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids);
  // Slots that no longer stand for an id: nobody's context any more.
  void evict(TableIndex table, std::span<const Slot> slots);
  // The same for all tables at once: one pass over the graph. slots.size() == tables.
  void evict(std::span<const std::vector<Slot>> slots);
  // Learns samples [first, last) of the batch, the more at once the better memory is used; what is
  // learned does not depend on it. Allocates nothing once its scratch has grown.
  void learn(const SlotBatch& batch, std::size_t first, std::size_t last);
  void learn(const SlotBatch& batch) { learn(batch, 0, batch.samples); }

  void refresh();

  std::size_t dimension() const { return config_.dimension + 1; }
  // Row-major, slots.size() x dimension(): a unit vector of the last refresh(), and the popularity.
  // Ids that came later, and those without company, have the random vector they start from.
  std::vector<float> embed(TableIndex table, std::span<const Slot> slots) const;

  static std::size_t bytes_per_slot(const Config& config);
  std::size_t memory_bytes() const;
  void save(ByteWriter& out) const;
  // `dense`: as version 1 of the engine state wrote it.
  Result<void> load(ByteReader& in, bool dense = false);

 private:
  using Node = std::uint32_t;  // table's first node + slot
  static constexpr Node kNobody = 0xffffffff;

  struct TableSpan {
    Node first = 0;
    Node count = 0;
  };

  // How many of a node's neighbours are in use; those behind are of an id that is gone.
  std::uint32_t known(Node node) const { return std::min(degree_[node], config_.neighbours); }
  // A node's neighbours while a sample is learned.
  struct Company {
    Node node;
    std::uint32_t seen;  // contexts, all time; saturates
    std::uint32_t capacity;
    std::uint64_t seed;
    Node* places;

    void add(Node context);
  };
  Company company_of(Node node);

  void start(Node node);
  void gather(const SlotBatch& batch, std::size_t first, std::size_t last);
  void learn_sample(std::span<const Node> nodes);
  void mark_gone(TableIndex table, std::span<const Slot> slots);
  void forget_gone();
  void propagate(const TableSpan& table, std::span<float> out) const;
  void whiten(const TableSpan& table, std::span<float> values) const;

  Config config_;
  std::vector<TableSpan> tables_;
  // Pages are touched as slots come into use.
  HugeArray<Node> neighbours_;       // nodes x neighbours, the first known() of each
  HugeArray<std::uint32_t> degree_;  // contexts seen by each node, all time; saturates
  HugeArray<std::uint64_t> signs_;   // of each node's start, a bit per dimension
  HugeArray<float> embedding_;       // nodes x dimension, whitened
  std::uint64_t samples_ = 0;

  // Scratch of the samples at hand, and of an eviction.
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> begin_;  // of each sample in nodes_
  std::vector<std::size_t> offsets_;  // of the contexts taken of a sample with many
  std::vector<std::uint64_t> gone_;   // a bit for each node
};

}  // namespace remapd::embedding
