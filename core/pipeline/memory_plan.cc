#include "core/pipeline/memory_plan.h"

#include "core/pipeline/learners.h"
#include "core/pipeline/table_state.h"

namespace remapd::pipeline {

MemoryPlan memory_plan(const EngineConfig& config) {
  MemoryPlan plan;
  for (const TableConfig& table : config.tables) {
    const auto footprint = TableState::footprint(table);
    plan.slots += footprint.slots;
    plan.bytes += footprint.bytes;
  }
  plan.bytes += plan.slots * Learners::bytes_per_slot(config);
  plan.bytes_per_tracked_id = static_cast<double>(plan.bytes) / static_cast<double>(plan.slots);
  return plan;
}

}  // namespace remapd::pipeline
