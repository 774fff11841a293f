// What an id is to a mapping.
#pragma once

#include <string_view>

#include "core/mapping/artifact.h"

namespace remapd::cli {

enum class Role : std::uint8_t {
  kDedicated,  // has a row of its own
  kShared,     // shares its row with ids that behave alike
  kNewId,      // not in the mapping: hashed to a fallback row
};

std::string_view to_string(Role role);

inline Role role_of(const mapping::ArtifactView& mapping, Id id, Row row) {
  if (!mapping.contains(id)) return Role::kNewId;
  return row.value < mapping.info().dedicated_rows ? Role::kDedicated : Role::kShared;
}

}  // namespace remapd::cli
