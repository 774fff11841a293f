// The offline baseline: rows shared by the communities of the co-access graph, after GraphHash (Wu
// et al., KDD 2025, "GraphHash: Graph Clustering Enables Parameter Efficiency in Recommender
// Systems"). Nodes are the ids of all features; an edge joins two ids seen in one sample, its
// weight how often. Communities maximise modularity (Louvain: Blondel et al., 2008); the ids of one
// feature in one community share a row. The resolution is searched so that rows are used up.
//
// Favoured over the daemon's strategies in three ways: it sees the whole graph before the first
// prediction, is never limited in memory, and may divide the rows between the tables as it likes.
//
// Uses igraph's process-wide random generator: one call at a time. A try costs about
// O(edges log nodes); there are at most a dozen.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "evaluation/rows_of_ids.h"

namespace remapd::quality {

// The graph of the ids of several sides (features). Side s has nodes 0 .. ids[s] - 1.
class CoAccessCounts {
 public:
  explicit CoAccessCounts(std::span<const std::uint32_t> ids);

  // A sample had both; the sides differ.
  void add(std::uint32_t side, std::uint32_t id, std::uint32_t other_side, std::uint32_t other_id);

  struct Edge {
    std::uint32_t first = 0;  // nodes, numbered over all sides in turn
    std::uint32_t second = 0;
    double weight = 0;
  };
  // Each pair once, ascending.
  std::vector<Edge> edges() const;
  // Where the nodes of each side begin, and where the last ends.
  std::span<const std::uint32_t> begins() const { return begins_; }

 private:
  std::vector<std::uint32_t> begins_;
  std::vector<std::uint64_t> pairs_;  // one per sample: both nodes, the lower one first
};

// One list of rows per side, `rows` rows in all: the finest clustering found that needs no more.
// kInvalidArgument if the graph falls into more separate parts than there are rows.
Result<std::vector<evaluation::RowsOfIds>> rows_by_co_clusters(const CoAccessCounts& counts,
                                                               std::uint64_t rows,
                                                               std::uint64_t seed);

}  // namespace remapd::quality
