// What changed for ids from one mapping version to another.
//
// An artifact does not list its ids, so they come from elsewhere: from the deltas between two
// versions of one mapping directory (then the answer is complete and exact), or from a list.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/mapping/artifact.h"
#include "daemon/cli/mapping_files.h"

namespace remapd::cli {

// An id and its row before and after; kNoRow where the mapping does not know it.
struct IdChange {
  Id id = 0;
  Row from = kNoRow;
  Row to = kNoRow;

  friend bool operator==(const IdChange&, const IdChange&) = default;
};

struct MappingDiff {
  std::vector<IdChange> added;     // new; ascending by id, as the others
  std::vector<IdChange> moved;     // known in both, in another row
  std::vector<IdChange> removed;   // no longer known
  std::uint64_t compared = 0;      // ids looked at
  std::uint64_t rows_changed = 0;  // rows that a known id came to or left
};

// Of these ids, in any order, repeats allowed. O(n log n).
MappingDiff diff_ids(const mapping::ArtifactView& from, const mapping::ArtifactView& to,
                     std::vector<Id> ids);

// Of all ids, by the deltas that lead from version `from` to `to`; none when one of them is not
// there. kCorrupt, kIo, kUnsupported.
Result<std::optional<MappingDiff>> diff_by_deltas(const TableVersions& table, Version from,
                                                  Version to, const mapping::ArtifactView& before,
                                                  const mapping::ArtifactView& after);

}  // namespace remapd::cli
