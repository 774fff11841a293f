// A delta: the changes from one version of a mapping to the next.
//
// A delta carries the content hash of the new version (mapping.h), so that applying it to the wrong
// version is detected before the result is used. Format: docs/formats.md "Mapping delta",
// version 1.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_editor.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

struct Delta {
  MappingInfo to;                  // of the new version; to.parent is the version it applies to
  std::uint64_t ids = 0;           // known ids of the new version
  std::uint64_t content_hash = 0;  // of the new version
  std::vector<Id> added;           // ascending: new since the parent
  std::vector<Row> added_rows;
  std::vector<Id> moved;  // ascending: known in the parent, in another row
  std::vector<Row> moved_rows;
  std::vector<Id> removed;  // ascending: known in the parent, not in this version
};

// O(ids of both).
Delta make_delta(const Mapping& from, const Mapping& to);
Bytes encode_delta(const Delta& delta);
// kCorrupt, kUnsupported.
Result<Delta> decode_delta(ByteView bytes);

// The artifact of the new version: known ids look up to the same rows as in encode_artifact() of
// the full mapping. kConflict: the delta is for another version, or leads to another content.
// kResource: the old artifact is compact, or has no room; take a snapshot instead. The old artifact
// is not changed. O(size of the artifact + changes).
Result<Bytes> apply_delta(const ArtifactView& from, const Delta& delta);
// The same in place, of the version the delta applies to, in O(changes); after an error the editor
// holds some of them.
Result<void> apply_delta(ArtifactEditor& editor, const Delta& delta);

}  // namespace remapd::mapping
