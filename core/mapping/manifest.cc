#include "core/mapping/manifest.h"

#include <string>

#include "core/base/hash.h"

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

Result<void> check_blobs(const Publication& publication) {
  for (const BlobKind kind : kAllBlobs) {
    const Bytes& bytes = publication.blobs[static_cast<std::size_t>(kind)];
    const auto& named = publication.manifest.blob(kind);
    const bool fits =
        named ? bytes.size() == named->size && checksum(bytes) == named->checksum : bytes.empty();
    if (!fits) {
      return fail(ErrorCode::kInvalidArgument,
                  "the " + std::string(to_string(kind)) +
                      " given for publication is not the one its manifest names");
    }
  }
  if (!publication.manifest.blob(BlobKind::kSnapshot) &&
      !publication.manifest.blob(BlobKind::kDelta)) {
    return fail(ErrorCode::kInvalidArgument, "a version needs a snapshot or a delta");
  }
  return {};
}

}  // namespace remapd::mapping
