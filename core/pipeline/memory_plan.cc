#include "core/pipeline/memory_plan.h"

#include <algorithm>

#include "core/pipeline/learners.h"
#include "core/pipeline/table_state.h"

namespace remapd::pipeline {

namespace {

// Of each id of the table that is built: copies of id, slot, frequency and mark as they come and in
// order, and the order; then, in the same place, what clustering and encoding note of it.
constexpr std::size_t kBuildBytesPerId = 64;

}  // namespace

MemoryPlan memory_plan(const EngineConfig& config) {
  MemoryPlan plan;
  std::uint64_t largest = 0;
  for (const TableConfig& table : config.tables) {
    const auto footprint = TableState::footprint(table);
    plan.slots += footprint.slots;
    plan.bytes += footprint.bytes;
    largest = std::max<std::uint64_t>(largest, footprint.slots);
  }
  plan.bytes += plan.slots * Learners::bytes_per_slot(config);
  plan.bytes_per_tracked_id = static_cast<double>(plan.bytes) / static_cast<double>(plan.slots);
  plan.build_bytes =
      largest * kBuildBytesPerId + Learners::embedding_bytes(config, plan.slots, largest);
  return plan;
}

}  // namespace remapd::pipeline
