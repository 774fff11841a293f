#include "core/mapping/manifest.h"

namespace remapd::mapping {

std::string_view to_string(BlobKind kind) {
  switch (kind) {
    case BlobKind::kSnapshot:
      return "snapshot";
    case BlobKind::kDelta:
      return "delta";
    case BlobKind::kPlan:
      return "plan";
  }
  return "unknown";
}

}  // namespace remapd::mapping
