// Makes migration plans: which rows changed their composition between two versions, and what each
// is to be made of. See migration_plan.h for what a plan says.
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

  // For every id the new version knows: where it was looked up before (its row, or the fallback's),
  // where it is now, and how much it counts. Same length, rows in range.
  std::vector<Row> old_rows;
  std::vector<Row> new_rows;
  std::vector<float> weights;  // > 0

  std::vector<Row> restarted;          // ascending; rows no id of new_rows is in
  std::vector<Row> restart_sources;    // old rows
  std::vector<float> restart_weights;  // > 0, of any scale
};

// A row whose ids all were in it before is left out. O(n + rows) time and space; deterministic.
mapping::MigrationPlan make_plan(const PlanInput& input);

}  // namespace remapd::placement
