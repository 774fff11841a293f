// Makes artifacts (artifact.h): from a mapping, or from another artifact under a new version.
#pragma once

#include "core/base/bytes.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_kind.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

// The bytes of `mapping`; the same mapping gives the same bytes for any number of threads.
// mapping.ids must be strictly ascending and rows in range (checked). O(n), on all threads.
Bytes encode_artifact(const Mapping& mapping, ArtifactKind kind = ArtifactKind::kFast);

// The same lookups under another info, which must have the same table, rows and fallback (checked).
// For rolling back. O(size).
Bytes with_info(const ArtifactView& artifact, const MappingInfo& info);

}  // namespace remapd::mapping
