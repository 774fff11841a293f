// A spectral embedding of the co-access graph: ids that were seen with the same ids are near.
//
// Every id starts from random signs derived from its hash; a few rounds multiply by the normalised
// adjacency D^-1/2 A D^-1/2 of the sampled graph, each table whitened after each round. That is the
// random projection of a power of the adjacency (as in FastRP, Chen et al., CIKM 2019): after few
// rounds ids are near when many short paths join them. Going on to convergence (spectral
// co-clustering, Dhillon, KDD 2001) keeps the coarse communities alone and clusters worse. The
// embedding is a function of the graph alone and moves as little between versions as the graph
// does. Cost of a round: O(ids x neighbours x dimension).
//
// The vectors are that direction and, as one more coordinate, how popular the id is: a model learns
// a row's popularity as it learns its taste, and ids that share a row share both.
//
// Nothing is computed before the first embed(), which may be a while after the snapshot was taken
// and on another thread. Deterministic for any number of threads, and parallel inside. Thread safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "core/base/huge_array.h"
#include "core/embedding/co_access_snapshot.h"
#include "core/embedding/slot_batch.h"
#include "core/embedding/whitening.h"

namespace remapd::embedding {

class SpectralEmbedding {
 public:
  struct Config {
    std::uint32_t dimension = 64;  // of the random signs, 4 .. 64, a multiple of 4
    std::uint32_t rounds = 4;
  };

  SpectralEmbedding(const Config& config, CoAccessSnapshot graph);

  std::size_t dimension() const { return config_.dimension + 1; }
  // Row-major, slots.size() x dimension(): a unit vector, and the popularity. Ids without company
  // have the random vector they start from.
  std::vector<float> embed(TableIndex table, std::span<const Slot> slots) const;

  // Bytes at most: the snapshot of `nodes` nodes that know so many neighbours, their vectors, and
  // those of the largest table once more, of `slots` slots, while they are computed or embedded.
  static std::size_t memory_bytes(const Config& config, std::uint32_t neighbours, std::size_t nodes,
                                  std::size_t slots);

 private:
  Node node_count() const { return static_cast<Node>(graph_.signs.size()); }
  bool has_company(Node node) const { return graph_.offered[node] != 0; }
  void compute() const;
  void start(Node node) const;
  void scale(Node node, float* e) const;
  template <class Fn>
  void for_runs(const NodeRange& table, std::size_t begin, std::size_t end, Fn&& fn) const;
  void propagate(const NodeRange& table, std::span<float> out) const;
  Whitening whitening_of(const NodeRange& table, std::span<const float> values) const;

  Config config_;
  mutable CoAccessSnapshot graph_;
  mutable std::once_flag computed_;
  // Nodes x dimension: whitened, then scaled as neighbours need it; its length means nothing.
  mutable HugeArray<float> vectors_;
};

}  // namespace remapd::embedding
