// Makes migration plans (migration_plan.h) from the rows of each id in two versions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/mapping/migration_plan.h"

namespace remapd::placement {

struct PlanInput {
  std::string table;
  Version from;
  Version to;
  std::uint32_t from_rows = 0;
  std::uint32_t to_rows = 0;

  // For every id of the new version: its row before (for a new id the fallback's), its row now, and
  // its weight. Same length, rows in range.
  std::vector<Row> old_rows;
  std::vector<Row> new_rows;
  std::vector<float> weights;  // > 0

  std::vector<Row> restarted;          // ascending; rows no id of new_rows is in
  std::vector<Row> restart_sources;    // old rows
  std::vector<float> restart_weights;  // > 0, of any scale
};

// O(n + rows) time and space. Pure and deterministic, as all below.
mapping::MigrationPlan make_plan(const PlanInput& input);

// The same where few ids have changed, from what each changed row is made of.
struct RowChanges {
  std::string table;
  Version from;
  Version to;
  std::uint32_t rows = 0;  // of both

  struct Source {
    Row to;
    Row from;      // before
    float weight;  // > 0, of any scale
  };
  std::vector<Source> sources;

  std::vector<Row> restarted;        // ascending; not among sources[i].to
  std::vector<Row> restart_sources;  // old rows, each with the same weight
};

// O(sources log sources).
mapping::MigrationPlan plan_of(RowChanges changes);

}  // namespace remapd::placement
