#include "daemon/application/follower.h"

#include <utility>

#include "core/mapping/artifact.h"
#include "core/mapping/delta.h"

namespace remapd::daemon {

bool Follower::follow(const mapping::Publication& publication) {
  const auto bytes = [&](mapping::BlobKind kind) -> const Bytes& {
    return publication.blobs[static_cast<std::size_t>(kind)];
  };
  if (publication.manifest.blob(mapping::BlobKind::kSnapshot)) {
    artifact_ = bytes(mapping::BlobKind::kSnapshot);
    return true;
  }
  if (artifact_.empty()) return false;
  const auto held = mapping::ArtifactView::open(artifact_, mapping::Verify::kHeader);
  const auto delta = mapping::decode_delta(bytes(mapping::BlobKind::kDelta));
  if (!held || !delta) return false;
  auto next = mapping::apply_delta(*held, *delta);
  if (!next) return false;
  artifact_ = std::move(*next);
  return true;
}

}  // namespace remapd::daemon
