#include "daemon/application/publication.h"

#include <utility>

#include "core/base/hash.h"
#include "core/mapping/delta.h"
#include "core/mapping/migration_plan.h"

namespace remapd::daemon {
namespace {

void add(mapping::BlobKind kind, Bytes bytes, mapping::Publication& publication) {
  const auto index = static_cast<std::size_t>(kind);
  publication.manifest.blobs[index] =
      mapping::BlobInfo{.size = bytes.size(), .checksum = checksum(bytes)};
  publication.blobs[index] = std::move(bytes);
}

// A delta changes the artifact that clients hold in place, and that has room for about a fifth more
// ids than it was encoded with, for all deltas up to the next snapshot together.
constexpr double kMaxGrowth = 0.03;

bool delta_leads_here(const pipeline::BuildOutcome& outcome, const PublicationNotes& notes) {
  return outcome.incumbent != nullptr && notes.parent_content &&
         outcome.incumbent->info.rows == outcome.mapping.info.rows &&
         static_cast<double>(outcome.mapping.ids.size()) <=
             (1 + kMaxGrowth) * static_cast<double>(outcome.incumbent->ids.size()) &&
         mapping::content_hash(*outcome.incumbent) == *notes.parent_content;
}

}  // namespace

mapping::Publication make_publication(const pipeline::BuildOutcome& outcome, Bytes artifact,
                                      const PublicationNotes& notes) {
  mapping::Publication publication;
  mapping::Manifest& manifest = publication.manifest;
  manifest.info = outcome.mapping.info;
  manifest.stats = outcome.mapping.stats;
  manifest.instance = notes.instance;
  manifest.ids = outcome.mapping.ids.size();
  manifest.content_hash = mapping::content_hash(outcome.mapping);
  manifest.built_samples = notes.built_samples;
  bool snapshot = true;
  if (delta_leads_here(outcome, notes)) {
    Bytes delta = mapping::encode_delta(mapping::make_delta(*outcome.incumbent, outcome.mapping));
    if (delta.size() < artifact.size()) {
      add(mapping::BlobKind::kDelta, std::move(delta), publication);
      snapshot = notes.with_snapshot;
    }
  }
  if (snapshot) add(mapping::BlobKind::kSnapshot, std::move(artifact), publication);
  add(mapping::BlobKind::kPlan, mapping::encode_plan(outcome.plan), publication);
  return publication;
}

mapping::Publication make_publication(const mapping::RollBack& roll_back, Version target,
                                      const PublicationNotes& notes) {
  mapping::Publication publication;
  mapping::Manifest& manifest = publication.manifest;
  manifest.info = roll_back.info;
  manifest.stats = roll_back.stats;
  manifest.instance = notes.instance;
  manifest.built_samples = notes.built_samples;
  manifest.rollback_of = target;
  const auto view = mapping::ArtifactView::open(roll_back.artifact, mapping::Verify::kHeader);
  manifest.ids = view->ids();
  manifest.content_hash = view->content_hash();
  add(mapping::BlobKind::kSnapshot, roll_back.artifact, publication);
  add(mapping::BlobKind::kPlan, mapping::encode_plan(roll_back.plan), publication);
  return publication;
}

}  // namespace remapd::daemon
