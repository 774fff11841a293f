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
  bool snapshot = notes.with_snapshot || outcome.incumbent == nullptr;
  if (outcome.incumbent != nullptr) {
    Bytes delta = mapping::encode_delta(mapping::make_delta(*outcome.incumbent, outcome.mapping));
    if (delta.size() < artifact.size()) {
      add(mapping::BlobKind::kDelta, std::move(delta), publication);
    } else {
      snapshot = true;
    }
  }
  if (snapshot) add(mapping::BlobKind::kSnapshot, std::move(artifact), publication);
  if (!outcome.plan.empty()) {
    add(mapping::BlobKind::kPlan, mapping::encode_plan(outcome.plan), publication);
  }
  return publication;
}

}  // namespace remapd::daemon
