// The mapping builder: makes a table's next mapping version from the statistics of its n ids.
//
// Rows of strategy combined, in this order (row_layout.h):
//   [0, D)        dedicated: one frequent id each
//   [D, D + S)    shared: each holds a cluster of ids with similar embeddings
//   [D + S, R)    new-id rows: new ids are hashed here until the next version places them
// While there are no more ids than D + S every id has a row of its own and the remaining rows are
// new-id rows. Without new-id rows new ids are hashed to the shared rows. Strategy embedding has
// D = 0; frequency and double_hash place only the dedicated ids and hash all others to [D, R).
//
// Stability. A dedicated id keeps its row while its rank is below 1.5 D. A clustered id moves only
// to a nearer centroid (by the hysteresis, if set), in the order of gain until the churn budget is
// spent. Considered are the ids accessed since the incumbent was adopted and one in eight of the
// others. Ids weigh by frequency (embedding: all the same). Clusters are built from scratch
// (hierarchical k-means, matched to the old rows by common traffic) for the first version, and when
// the number of clustered ids has doubled since the last time: then without a churn budget.
//
// O(n sqrt(S) d). Pure and deterministic; safe on any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/mapping/mapping.h"
#include "core/mapping/migration_plan.h"
#include "core/mapping/strategy.h"
#include "core/placement/placed_rows.h"

namespace remapd::placement {

struct BuilderConfig {
  mapping::Strategy strategy = mapping::Strategy::kCombined;
  std::uint32_t rows = 1;        // R > 0
  double dedicated_share = 0.3;  // D / (R - the most that new-id rows may take)
  double new_id_share = -1;      // of R; < 0: chosen by row_layout.h
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
  std::vector<float> embedding;       // row-major, n x dimension; similar ids are near each other
  std::vector<std::uint8_t> touched;  // n: accessed since the incumbent was adopted; empty: all
  std::size_t dimension = 0;          // 0 for strategies that need none
  std::vector<float> metric{};        // of the embedding; opaque, see PlacedRows
  double new_id_traffic = 0;          // share of new ids among the accesses since then
  std::optional<double> new_id_persistence{};  // see row_layout.h

  const mapping::Mapping* incumbent = nullptr;  // null: the table is hashed over all its rows
  std::uint64_t clustered_ids = 0;              // ids in the last clustering from scratch
  std::uint64_t placed_new_ids = 0;             // by increments since the last full build
};

struct BuildResult {
  mapping::Mapping mapping;
  mapping::MigrationPlan plan;
  std::uint64_t clustered_ids = 0;  // for the next BuildInput
  // For the increments until the next full build; null for strategies that cluster nothing.
  std::shared_ptr<PlacedRows> placed;
};

BuildResult build_mapping(const BuildInput& input, const BuilderConfig& config);

}  // namespace remapd::placement
