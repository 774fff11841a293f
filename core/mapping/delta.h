// A delta: what turns version `from` of a mapping into version `to`.
//
// Format: docs/formats.md "Mapping delta", version 1. A delta is verified by the content hash it
// must lead to (mapping.h), so a delta applied to the wrong version, or out of order, is found out
// before it is used.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/mapping/artifact.h"
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

Delta make_delta(const Mapping& from, const Mapping& to);
Bytes encode_delta(const Delta& delta);
Result<Delta> decode_delta(ByteView bytes);

// The artifact of the new version, equal in every lookup to encode_artifact() of the full mapping.
// kConflict: the delta is for another version, or leads to another content. kResource: the old
// artifact is compact, or it has no room; take a snapshot instead. The old artifact is not touched.
Result<Bytes> apply_delta(const ArtifactView& from, const Delta& delta);

}  // namespace remapd::mapping
