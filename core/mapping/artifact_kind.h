// The two kinds of artifacts: fast to look up and to change, or compact.
#pragma once

#include <cstdint>
#include <string_view>

namespace remapd::mapping {

enum class ArtifactKind : std::uint8_t {
  kFast = 0,     // 8 bytes an id, one cache line a lookup; versions may be published as deltas
  kCompact = 1,  // 4.6 bytes an id at 10^6 rows, three cache lines a lookup; always a snapshot
};

constexpr std::string_view to_string(ArtifactKind kind) {
  return kind == ArtifactKind::kFast ? "fast" : "compact";
}

}  // namespace remapd::mapping
