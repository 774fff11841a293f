// A published version's artifact, also where only a delta was published of it: the newest snapshot
// before it with the deltas from there on applied.
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/manifest.h"
#include "core/mapping/mapping_sink.h"

namespace remapd::mapping {

// Looks up the same as what was published; its bytes may be laid out otherwise. kNotFound: the
// version, or what it rests on, is not there any more; kCorrupt: it is damaged; kResource: a delta
// needs more room than the artifact before it has; kUnavailable (retryable). O(bytes), with two
// artifacts in memory.
Result<BlobPtr> published_artifact(MappingSink& sink, std::string_view table, Version version);

}  // namespace remapd::mapping
