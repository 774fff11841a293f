// A mapping version as the builder makes it: the plain, exact id -> row list of one table.
//
// This is the reference that artifacts, deltas and clients are checked against; it is held only
// while a version is built and published. Lookups on it are O(log n); serving uses ArtifactView.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/base/types.h"
#include "core/mapping/fallback.h"
#include "core/mapping/strategy.h"

namespace remapd::mapping {

// What a version is, apart from its ids.
struct MappingInfo {
  std::string table;
  Version version;
  Version parent;  // kNoVersion for the first
  Epoch epoch;
  Strategy strategy = Strategy::kCombined;
  std::uint32_t rows = 0;            // row budget of the table, > 0
  std::uint32_t dedicated_rows = 0;  // rows [0, dedicated_rows) hold at most one known id each
  Fallback fallback;
  std::int64_t built_ms = 0;  // wall clock, Unix milliseconds

  friend bool operator==(const MappingInfo&, const MappingInfo&) = default;
};

// One version's effect on the table's traffic; shares are of decayed accesses, in [0, 1].
struct MappingStats {
  std::uint64_t ids = 0;             // known ids
  std::uint64_t ids_moved = 0;       // known before and now in another row
  std::uint32_t dedicated_rows = 0;  // rows that hold exactly one id by right
  std::uint32_t shared_rows = 0;     // rows open to clusters
  std::uint32_t fallback_rows = 0;   // rows open to new ids (may overlap the shared ones)
  std::uint32_t rows_used = 0;       // rows that hold at least one known id
  double traffic_dedicated = 0;
  double traffic_shared = 0;
  double new_id_traffic = 0;  // accesses by ids outside the mapping, since the last version
  double traffic_moved = 0;   // share of traffic whose row changed against the parent
  double distortion = 0;      // weighted mean squared distance to the row's centroid / variance
};

struct Mapping {
  MappingInfo info;
  MappingStats stats;
  std::vector<Id> ids;    // strictly ascending
  std::vector<Row> rows;  // rows[i] is the row of ids[i]; all < info.rows

  // The position of `id` in ids, or ids.size().
  std::size_t find(Id id) const {
    const auto at = std::lower_bound(ids.begin(), ids.end(), id);
    return at != ids.end() && *at == id ? static_cast<std::size_t>(at - ids.begin()) : ids.size();
  }
  Row lookup(Id id) const {
    const std::size_t i = find(id);
    return i < ids.size() ? rows[i] : info.fallback.row(id);
  }
};

// What one (id, row) pair adds to a mapping's content hash. The hash of a mapping is the sum of its
// pairs' terms modulo 2^64, so a client that applies a delta can update and verify it without
// listing the ids it holds.
constexpr std::uint64_t content_term(Id id, Row row) {
  return mix64(mix64(id) + 0x9e3779b97f4a7c15ULL * (std::uint64_t{row.value} + 1));
}

inline std::uint64_t content_hash(const Mapping& mapping) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < mapping.ids.size(); ++i) {
    sum += content_term(mapping.ids[i], mapping.rows[i]);
  }
  return sum;
}

}  // namespace remapd::mapping
