// How an artifact holds the ids it knows: by the line, quick to look up and to change, or packed.
#pragma once

#include <cstdint>
#include <string_view>

namespace remapd::mapping {

enum class ArtifactKind : std::uint8_t {
  kFast = 0,     // 8 bytes an id, one cache line a lookup; versions in between can be deltas
  kCompact = 1,  // 4.6 bytes an id for a million rows, three cache lines; every version is whole
};

constexpr std::string_view to_string(ArtifactKind kind) {
  return kind == ArtifactKind::kFast ? "fast" : "compact";
}

}  // namespace remapd::mapping
