// How much memory an engine of a configuration comes to hold once every tracked-id slot is in use:
// what `remapd check-config` tells and benchmarks hold the process to.
//
// Pages are touched as slots are given out, so an engine that tracks fewer ids holds less. Mapping
// versions are apart: each incumbent holds 12 1/4 bytes for each of its ids. So are copies: a
// checkpoint is held once while it is written, and what a build works on while it runs.
#pragma once

#include <cstdint>

#include "core/pipeline/engine_config.h"

namespace remapd::pipeline {

struct MemoryPlan {
  std::uint64_t bytes = 0;          // of all tables, with every slot in use
  std::uint64_t slots = 0;          // ids that can be tracked, of all tables
  double bytes_per_tracked_id = 0;  // bytes / slots
  // What a build adds at most while it runs, of the table that takes most, with all that can be
  // known of each id.
  std::uint64_t build_bytes = 0;
};

// Pure; the configuration must be valid. A learner counts if some table may come to use it.
MemoryPlan memory_plan(const EngineConfig& config);

}  // namespace remapd::pipeline
