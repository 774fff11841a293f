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

mapping::Manifest manifest_of(const pipeline::BuildOutcome& outcome,
                              const PublicationNotes& notes) {
  mapping::Manifest manifest;
  manifest.info = outcome.mapping.info;
  manifest.stats = outcome.mapping.stats;
  manifest.instance = notes.instance;
  manifest.built_samples = notes.built_samples;
  manifest.next_samples = notes.next_samples;
  return manifest;
}

// The delta, if it leads from what clients have to the outcome's mapping; then also to where.
std::optional<Bytes> applicable_delta(const pipeline::BuildOutcome& outcome,
                                      ClientsMapping& clients, Bytes& by_delta) {
  if (outcome.incumbent == nullptr || outcome.artifact == mapping::ArtifactKind::kCompact) {
    return std::nullopt;
  }
  const mapping::BlobPtr parent_artifact = clients.artifact();
  if (parent_artifact == nullptr) return std::nullopt;
  const auto parent =
      mapping::ArtifactView::open(parent_artifact->view(), mapping::Verify::kHeader);
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
  if (artifact == nullptr && !by_delta.empty()) {
    artifact = std::make_shared<mapping::OwnedBlob>(std::move(by_delta));
  }
  return make_kept_version(publication.manifest, std::move(artifact),
                           take(mapping::BlobKind::kDelta), take(mapping::BlobKind::kPlan));
}

Prepared prepare_publication(const pipeline::BuildOutcome& outcome, Bytes artifact,
                             ClientsMapping& clients, const SnapshotRule& rule,
                             const PublicationNotes& notes) {
  Prepared out;
  mapping::Manifest& manifest = out.publication.manifest;
  manifest = manifest_of(outcome, notes);
  manifest.ids = outcome.mapping.ids.size();
  manifest.content_hash = mapping::content_hash(outcome.mapping);
  bool snapshot = true;
  auto delta = applicable_delta(outcome, clients, out.by_delta);
  if (delta && delta->size() < artifact.size()) {
    snapshot = rule.always || clients.snapshot_is_due(delta->size(), rule.share);
    add(mapping::BlobKind::kDelta, std::move(*delta), out.publication);
  }
  if (snapshot) add(mapping::BlobKind::kSnapshot, std::move(artifact), out.publication);
  add(mapping::BlobKind::kPlan, mapping::encode_plan(outcome.plan), out.publication);
  return out;
}

Prepared prepare_increment(const pipeline::BuildOutcome& outcome, ClientsMapping& clients,
                           const SnapshotRule& rule, const PublicationNotes& notes) {
  Prepared out;
  mapping::Manifest& manifest = out.publication.manifest;
  manifest = manifest_of(outcome, notes);
  manifest.ids = outcome.increment->ids;
  manifest.content_hash = outcome.increment->content_hash;
  Bytes delta = mapping::encode_delta(*outcome.increment);
  if (rule.always || clients.snapshot_is_due(delta.size(), rule.share)) {
    const ByteView artifact = clients.artifact()->view();
    add(mapping::BlobKind::kSnapshot, Bytes(artifact.begin(), artifact.end()), out.publication);
  }
  add(mapping::BlobKind::kDelta, std::move(delta), out.publication);
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
