#include "daemon/application/publication.h"

#include <memory>
#include <optional>
#include <utility>

#include "core/base/hash.h"
#include "core/mapping/delta.h"
#include "core/mapping/migration_plan.h"

namespace remapd::application {
namespace {

void add(mapping::BlobKind kind, Bytes bytes, mapping::Publication& publication) {
  const auto index = static_cast<std::size_t>(kind);
  publication.manifest.blobs[index] =
      mapping::BlobInfo{.size = bytes.size(), .checksum = checksum(bytes)};
  publication.blobs[index] = std::move(bytes);
}

// The delta, if it leads from what clients have to the outcome's mapping; then also to where.
std::optional<Bytes> applicable_delta(const pipeline::BuildOutcome& outcome,
                                      const PublicationNotes& notes, Bytes& by_delta) {
  if (outcome.incumbent == nullptr || notes.parent_artifact.empty()) return std::nullopt;
  if (outcome.artifact == mapping::ArtifactKind::kCompact) return std::nullopt;
  const auto parent = mapping::ArtifactView::open(notes.parent_artifact, mapping::Verify::kHeader);
  if (!parent) return std::nullopt;
  const mapping::Delta delta = mapping::make_delta(*outcome.incumbent, outcome.mapping);
  auto applied = mapping::apply_delta(*parent, delta);
  if (!applied) return std::nullopt;
  by_delta = std::move(*applied);
  return mapping::encode_delta(delta);
}

}  // namespace

KeptVersionPtr Prepared::keep() && {
  const auto take = [&](mapping::BlobKind kind) -> mapping::BlobPtr {
    Bytes& bytes = publication.blobs[static_cast<std::size_t>(kind)];
    if (bytes.empty()) return nullptr;
    return std::make_shared<mapping::OwnedBlob>(std::move(bytes));
  };
  mapping::BlobPtr artifact = take(mapping::BlobKind::kSnapshot);
  if (artifact == nullptr) artifact = std::make_shared<mapping::OwnedBlob>(std::move(by_delta));
  return make_kept_version(publication.manifest, std::move(artifact),
                           take(mapping::BlobKind::kDelta), take(mapping::BlobKind::kPlan));
}

Prepared prepare_publication(const pipeline::BuildOutcome& outcome, Bytes artifact,
                             const PublicationNotes& notes) {
  Prepared out;
  mapping::Manifest& manifest = out.publication.manifest;
  manifest.info = outcome.mapping.info;
  manifest.stats = outcome.mapping.stats;
  manifest.instance = notes.instance;
  manifest.ids = outcome.mapping.ids.size();
  manifest.content_hash = mapping::content_hash(outcome.mapping);
  manifest.built_samples = notes.built_samples;
  bool snapshot = true;
  auto delta = applicable_delta(outcome, notes, out.by_delta);
  if (delta && delta->size() < artifact.size()) {
    add(mapping::BlobKind::kDelta, std::move(*delta), out.publication);
    snapshot = notes.with_snapshot;
  }
  if (snapshot) add(mapping::BlobKind::kSnapshot, std::move(artifact), out.publication);
  add(mapping::BlobKind::kPlan, mapping::encode_plan(outcome.plan), out.publication);
  return out;
}

Prepared prepare_publication(const placement::RollBack& roll_back, Version target,
                             const PublicationNotes& notes) {
  Prepared out;
  mapping::Manifest& manifest = out.publication.manifest;
  manifest.info = roll_back.info;
  manifest.stats = roll_back.stats;
  manifest.instance = notes.instance;
  manifest.built_samples = notes.built_samples;
  manifest.rollback_of = target;
  const auto view = mapping::ArtifactView::open(roll_back.artifact, mapping::Verify::kHeader);
  manifest.ids = view->ids();
  manifest.content_hash = view->content_hash();
  add(mapping::BlobKind::kSnapshot, roll_back.artifact, out.publication);
  add(mapping::BlobKind::kPlan, mapping::encode_plan(roll_back.plan), out.publication);
  return out;
}

}  // namespace remapd::application
