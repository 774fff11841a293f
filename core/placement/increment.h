// Increments: the next version of a table from the ids that have changed alone.
//
// A full build (builder.h) ranks and clusters all ids. Between two of them a version costs what has
// changed: new ids join the shared row with the nearest centroid, or get a row of their own while
// the table has rows to spare; known ids of shared rows move to a nearer centroid within the churn
// budget, those first that gain most. Nothing else is read. Dedicated rows and the division of the
// row budget stay as they are.
//
// What an id's first accesses have taught is little, so that it is often placed badly at first and
// has little traffic to move: only ids with at most kSettledAccesses move in increments, and only
// where the squared distance falls below kMoveShare of what it was.
//
// O(changed sqrt(shared rows) dimension). Pure and deterministic; safe on any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "core/mapping/delta.h"
#include "core/mapping/mapping.h"
#include "core/mapping/migration_plan.h"
#include "core/placement/placed_rows.h"

namespace remapd::placement {

inline constexpr float kSettledAccesses = 16;
inline constexpr float kMoveShare = 0.25F;

struct IncrementInput {
  Version version;
  Epoch epoch;
  std::int64_t built_ms = 0;

  // The incumbent.
  mapping::MappingInfo parent;
  mapping::MappingStats parent_stats;
  std::uint64_t parent_content = 0;  // its content hash

  // The ids to look at: new ones, and known ones of shared rows. Those that have settled stay where
  // they are.
  std::vector<Id> ids;           // n, strictly ascending
  std::vector<Row> rows;         // n, in the incumbent; kNoRow: a new id
  std::vector<float> frequency;  // n, decayed accesses, > 0
  std::vector<float> embedding;  // row-major, n x dimension of the placed rows; not read while
                                 // every id has a row of its own

  double total_frequency = 0;  // of all tracked ids
  double new_id_traffic = 0;   // share of new ids among the accesses since the incumbent
  double churn_budget = 0;     // decayed accesses of known ids that may move
};

struct Increment {
  mapping::Delta delta;
  mapping::MappingStats stats;
  mapping::MigrationPlan plan;
  struct RowTraffic {
    Row row;
    float traffic;
  };
  std::vector<RowTraffic> traffic;  // of the shared rows where it has changed
};

// Whether the incumbent has a row for each of its ids: then new ids are given rows of their own.
inline bool has_rows_to_spare(const mapping::MappingStats& incumbent) {
  return incumbent.shared_rows == 0;
}

// While the incumbent has rows to spare, there must be fewer new ids than new-id rows.
Increment make_increment(const IncrementInput& input, const PlacedRows& placed);

}  // namespace remapd::placement
