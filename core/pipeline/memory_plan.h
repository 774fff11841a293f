// The memory that an engine of a configuration holds once every tracked-id slot is in use.
//
// An engine that tracks fewer ids holds less: pages are touched as slots are given out. Not
// included: incumbent mappings (12 1/4 bytes an id), a checkpoint while it is written (one copy of
// the state), and what a build takes while it runs (build_bytes).
#pragma once

#include <cstdint>

#include "core/pipeline/engine_config.h"

namespace remapd::pipeline {

struct MemoryPlan {
  std::uint64_t bytes = 0;          // of all tables, with every slot in use
  std::uint64_t slots = 0;          // ids that can be tracked, of all tables
  double bytes_per_tracked_id = 0;  // bytes / slots
  // What a build of the largest table adds at most while it runs.
  std::uint64_t build_bytes = 0;
};

// Pure; the configuration must be valid. Learners that a table may come to use are included.
MemoryPlan memory_plan(const EngineConfig& config);

}  // namespace remapd::pipeline
