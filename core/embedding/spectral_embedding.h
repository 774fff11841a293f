// SpectralEmbedding: vectors of the ids of a co-access graph; ids with the same contexts are near
// each other.
//
// Every id starts from random signs derived from its hash; each of a few rounds multiplies by the
// normalised adjacency D^-1/2 A D^-1/2 of the sampled graph and whitens each table. This is a
// random projection of a power of the adjacency (as in FastRP, Chen et al., CIKM 2019). More rounds
// converge to spectral co-clustering (Dhillon, KDD 2001), which keeps only coarse communities and
// clusters worse. A further coordinate is the id's popularity, because ids that share a row share
// its bias too.
//
// A function of the snapshot alone; deterministic for any number of threads. The first embed()
// computes it, O(ids x neighbours x dimension) a round. Thread safe; parallel inside.
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
  // Row-major, slots.size() x dimension(): a unit vector, then the popularity. Ids without
  // neighbours keep their initial vector.
  std::vector<float> embed(TableIndex table, std::span<const Slot> slots) const;

  // Bytes at most: the snapshot of `nodes` nodes with `neighbours` neighbours each, their vectors,
  // and a second copy of the vectors of the largest table, of `slots` slots.
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
  // Nodes x dimension, whitened and then scaled for the next round; embed() normalises them.
  mutable HugeArray<float> vectors_;
};

}  // namespace remapd::embedding
