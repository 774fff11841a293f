// Roll-back: makes an earlier version of a table its next one: the same lookups for every id under
// a new version number, with the migration plan from the incumbent.
//
// Pure. O(size of the artifact + ids log ids).
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/artifact.h"
#include "core/mapping/mapping.h"
#include "core/mapping/migration_plan.h"

namespace remapd::placement {

struct RollBackInput {
  const mapping::ArtifactView* target = nullptr;  // the version to go back to
  const mapping::Mapping* incumbent = nullptr;    // the version in force
  Version version;                                // of the new one
  Epoch epoch;
  std::int64_t built_ms = 0;
  // The tracked ids and their decayed accesses (> 0); same length, any order.
  std::vector<Id> ids;
  std::vector<float> frequency;
};

struct RollBack {
  mapping::MappingInfo info;
  mapping::MappingStats
      stats;  // over the given ids; distortion and new-id traffic are not known: 0
  Bytes artifact;
  mapping::MigrationPlan plan;
};

// kConflict: the target is of another table or row budget than the incumbent.
Result<RollBack> roll_back(const RollBackInput& input);

}  // namespace remapd::placement
