#include "core/placement/roll_back.h"

#include <string>

#include "core/mapping/artifact_encoder.h"
#include "core/placement/migration_planner.h"

namespace remapd::placement {
namespace {

// How the traffic of the given ids divides over the rows of the target.
mapping::MappingStats stats_of(const mapping::ArtifactView& target, const RollBackInput& input,
                               const PlanInput& rows) {
  mapping::MappingStats stats;
  stats.ids = target.ids();
  stats.dedicated_rows = target.info().dedicated_rows;
  stats.shared_rows = target.info().rows - target.info().dedicated_rows;
  stats.fallback_rows = target.info().fallback.row_count;
  std::vector<bool> used(target.info().rows, false);
  double all = 0;
  for (std::size_t i = 0; i < input.ids.size(); ++i) {
    const auto weight = static_cast<double>(input.frequency[i]);
    const Row row = rows.new_rows[i];
    all += weight;
    if (row != rows.old_rows[i]) {
      stats.traffic_moved += weight;
      ++stats.ids_moved;
    }
    if (!target.contains(input.ids[i])) continue;
    used[row.value] = true;
    (row.value < stats.dedicated_rows ? stats.traffic_dedicated : stats.traffic_shared) += weight;
  }
  for (const bool row : used) stats.rows_used += row ? 1 : 0;
  if (all > 0) {
    stats.traffic_moved /= all;
    stats.traffic_dedicated /= all;
    stats.traffic_shared /= all;
  }
  return stats;
}

}  // namespace

Result<RollBack> roll_back(const RollBackInput& input) {
  const mapping::MappingInfo& from = input.incumbent->info;
  RollBack out;
  out.info = input.target->info();
  if (out.info.table != from.table) {
    return fail(ErrorCode::kConflict, "the artifact is of table \"" + out.info.table +
                                          "\", not of \"" + from.table + "\"");
  }
  if (out.info.rows != from.rows) {
    return fail(ErrorCode::kConflict, "version " + std::to_string(out.info.version.value) +
                                          " was built for " + std::to_string(out.info.rows) +
                                          " rows, the table has " + std::to_string(from.rows) +
                                          " now");
  }
  out.info.version = input.version;
  out.info.parent = from.version;
  out.info.epoch = input.epoch;
  out.info.built_ms = input.built_ms;

  PlanInput plan;
  plan.table = from.table;
  plan.from = from.version;
  plan.to = input.version;
  plan.from_rows = from.rows;
  plan.to_rows = out.info.rows;
  plan.old_rows.reserve(input.ids.size());
  for (const Id id : input.ids) plan.old_rows.push_back(input.incumbent->lookup(id));
  plan.new_rows.resize(input.ids.size());
  input.target->lookup(input.ids, plan.new_rows);
  plan.weights = input.frequency;
  out.plan = make_plan(plan);
  out.stats = stats_of(*input.target, input, plan);
  out.artifact = mapping::with_info(*input.target, out.info);
  return out;
}

}  // namespace remapd::placement
