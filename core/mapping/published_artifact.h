// The artifact of a published version: its snapshot, or the newest snapshot before it with the
// deltas up to the version applied.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/manifest.h"
#include "core/mapping/mapping_sink.h"

namespace remapd::mapping {

struct PublishedArtifact {
  // Known ids look up to the same rows as in the published artifact; the bytes may differ.
  BlobPtr artifact;
  // What it was made of.
  std::uint64_t snapshot_bytes = 0;
  std::uint64_t delta_bytes = 0;  // of all deltas
};

// kNotFound: the version, its snapshot or one of the deltas between was removed; kCorrupt: one of
// them is damaged; kResource: a delta needs more room than the artifact before it has; kUnavailable
// (retryable). O(bytes), with two artifacts in memory.
Result<PublishedArtifact> read_published(MappingSink& sink, std::string_view table,
                                         Version version);
Result<BlobPtr> published_artifact(MappingSink& sink, std::string_view table, Version version);

}  // namespace remapd::mapping
