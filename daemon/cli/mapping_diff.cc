#include "daemon/cli/mapping_diff.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "connectors/files/mapping_directory.h"
#include "core/mapping/delta.h"

namespace remapd::cli {
namespace {

void classify(const IdChange& change, MappingDiff& diff) {
  ++diff.compared;
  if (change.from == change.to) return;
  if (change.from == kNoRow) {
    diff.added.push_back(change);
  } else if (change.to == kNoRow) {
    diff.removed.push_back(change);
  } else {
    diff.moved.push_back(change);
  }
}

void count_rows(MappingDiff& diff) {
  std::unordered_set<std::uint32_t> rows;
  for (const auto* changes : {&diff.added, &diff.moved, &diff.removed}) {
    for (const IdChange& change : *changes) {
      if (change.from != kNoRow) rows.insert(change.from.value);
      if (change.to != kNoRow) rows.insert(change.to.value);
    }
  }
  diff.rows_changed = rows.size();
}

// Whether an id was known before the first delta that names it, and is after the last.
struct Known {
  bool before = false;
  bool after = false;
};

}  // namespace

MappingDiff diff_ids(const mapping::ArtifactView& from, const mapping::ArtifactView& to,
                     std::vector<Id> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  MappingDiff diff;
  for (const Id id : ids) {
    classify({.id = id,
              .from = from.contains(id) ? from.lookup(id) : kNoRow,
              .to = to.contains(id) ? to.lookup(id) : kNoRow},
             diff);
  }
  count_rows(diff);
  return diff;
}

Result<std::optional<MappingDiff>> diff_by_deltas(const TableVersions& table, Version from,
                                                  Version to, const mapping::ArtifactView& before,
                                                  const mapping::ArtifactView& after) {
  std::map<Id, Known> touched;
  for (Version at{from.value + 1}; at <= to; ++at.value) {
    if (!std::binary_search(table.versions.begin(), table.versions.end(), at)) return std::nullopt;
    const auto manifest = files::read_manifest(table.directory, table.table, at);
    if (!manifest) return fail(manifest.error());
    if (!manifest->blob(mapping::BlobKind::kDelta)) return std::nullopt;
    const auto blob = files::open_blob(table.directory, *manifest, mapping::BlobKind::kDelta);
    if (!blob) return fail(blob.error());
    const auto delta = mapping::decode_delta((*blob)->view());
    if (!delta) return fail(delta.error());
    for (const Id id : delta->added)
      touched.try_emplace(id, Known{.before = false}).first->second.after = true;
    for (const Id id : delta->moved)
      touched.try_emplace(id, Known{.before = true}).first->second.after = true;
    for (const Id id : delta->removed)
      touched.try_emplace(id, Known{.before = true}).first->second.after = false;
  }
  MappingDiff diff;
  for (const auto& [id, known] : touched) {
    classify({.id = id,
              .from = known.before ? before.lookup(id) : kNoRow,
              .to = known.after ? after.lookup(id) : kNoRow},
             diff);
  }
  count_rows(diff);
  return diff;
}

}  // namespace remapd::cli
