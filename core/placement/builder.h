// The mapping builder: from the statistics of a table's ids to its next mapping version.
//
// Rows, in this order:
//   [0, D)        dedicated: one frequent id each
//   [D, D + S)    shared: each a cluster of ids with alike embeddings
//   [D + S, R)    new-id rows: new ids are hashed here until the next version places them
// While there are no more ids than D + S, every id has a row of its own and all remaining rows are
// open to new ids.
//
// Versions are stable: a dedicated id keeps its row until its rank falls below 1.5 D; a clustered
// id keeps its row unless another centroid is nearer, by the hysteresis if one is set, and moves
// are made in the order of their gain until the churn budget (a share of the traffic) is spent. Ids
// count by their frequency (kEmbedding: all alike). Clusters are
// rebuilt from scratch (hierarchical k-means, rows matched by common traffic) only when the number
// of clustered ids has doubled since the last time. In between, only ids that were accessed since
// the last version look for a better row, and each version one in eight of the others. Cost: O(n
// sqrt(S) d).
//
// Pure and deterministic; no state, safe on any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/mapping/mapping.h"
#include "core/mapping/migration_plan.h"
#include "core/mapping/strategy.h"

namespace remapd::placement {

struct BuilderConfig {
  mapping::Strategy strategy = mapping::Strategy::kCombined;
  std::uint32_t rows = 1;        // R > 0
  double dedicated_share = 0.3;  // D / (R - the most that new-id rows may take)
  double new_id_share = -1;      // of R; < 0: chosen by what new ids teach (row_layout.h)
  double hysteresis = 0;
  double churn_budget = 0.05;  // share of traffic
  std::uint64_t seed = 1;      // of the fallback hash and of k-means
};

struct BuildInput {
  std::string table;
  Version version;
  Epoch epoch;
  std::int64_t built_ms = 0;

  std::vector<Id> ids;                // n, strictly ascending
  std::vector<float> frequency;       // n, decayed accesses, > 0
  std::vector<float> embedding;       // row-major, n x dimension; alike ids are near each other
  std::vector<std::uint8_t> touched;  // n: accessed since the incumbent was built; empty: all were
  std::size_t dimension = 0;          // 0 for strategies that need none
  double new_id_traffic = 0;          // share of accesses by ids the incumbent did not know
  std::optional<double> new_id_persistence{};  // see row_layout.h

  const mapping::Mapping* incumbent = nullptr;  // none: the table is hashed over all its rows
  std::uint64_t clustered_ids = 0;              // how many ids the last clustering from scratch had
};

struct BuildResult {
  mapping::Mapping mapping;
  mapping::MigrationPlan plan;
  std::uint64_t clustered_ids = 0;  // to be handed to the next build
};

BuildResult build_mapping(const BuildInput& input, const BuilderConfig& config);

}  // namespace remapd::placement
