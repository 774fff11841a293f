#include "daemon/application/clients_mapping.h"

#include <span>
#include <string>
#include <utility>

#include "core/mapping/artifact.h"

namespace remapd::application {
namespace {

bool look_up(mapping::ArtifactEditor& editor, std::span<const Id> ids, std::span<const Row> rows) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (editor.find(ids[i]) != rows[i]) return false;
  }
  return true;
}

}  // namespace

void ClientsMapping::set(Version version, mapping::PublishedArtifact published) {
  version_ = version;
  artifact_ = std::move(published.artifact);
  editor_.reset();
  snapshot_bytes_ = published.snapshot_bytes;
  delta_bytes_ = published.delta_bytes;
}

void ClientsMapping::published(const mapping::Manifest& manifest, mapping::BlobPtr artifact) {
  if (const auto& snapshot = manifest.blob(mapping::BlobKind::kSnapshot)) {
    snapshot_bytes_ = snapshot->size;
    delta_bytes_ = 0;
  } else {
    delta_bytes_ += manifest.blob(mapping::BlobKind::kDelta)->size;
  }
  if (version_ == manifest.info.version) return;
  version_ = manifest.info.version;
  artifact_ = std::move(artifact);
  editor_.reset();
}

mapping::BlobPtr ClientsMapping::artifact() {
  if (editor_) {
    artifact_ = std::make_shared<mapping::OwnedBlob>(editor_->artifact(info_));
    editor_.reset();
  }
  return artifact_;
}

Result<void> ClientsMapping::apply(const mapping::Delta& increment) {
  const auto refuse = [&](ErrorCode code, std::string why) {
    forget();
    return fail(code, std::move(why));
  };
  if (!editor_) {
    if (artifact_ == nullptr) {
      return refuse(ErrorCode::kNotFound, "what clients have cannot be read");
    }
    const auto view = mapping::ArtifactView::open(artifact_->view(), mapping::Verify::kHeader);
    if (!view) return refuse(view.error().code, view.error().message);
    if (view->kind() != mapping::ArtifactKind::kFast) {
      return refuse(ErrorCode::kResource, "clients have a compact artifact");
    }
    editor_ = std::make_unique<mapping::ArtifactEditor>(*view);
    artifact_.reset();
  }
  if (auto applied = mapping::apply_delta(*editor_, increment); !applied) {
    return refuse(applied.error().code, applied.error().message);
  }
  if (!look_up(*editor_, increment.added, increment.added_rows) ||
      !look_up(*editor_, increment.moved, increment.moved_rows)) {
    return refuse(ErrorCode::kCorrupt, "self-check: an id does not look up to its row");
  }
  version_ = increment.to.version;
  info_ = increment.to;
  return {};
}

bool ClientsMapping::snapshot_is_due(std::uint64_t delta_bytes, double share) const {
  return static_cast<double>(delta_bytes_ + delta_bytes) >=
         share * static_cast<double>(snapshot_bytes_);
}

}  // namespace remapd::application
