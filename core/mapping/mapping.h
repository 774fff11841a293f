// Mapping: a mapping version as an exact list of ids and rows: what the builder makes, what
// artifacts and deltas are encoded from, and what the engine holds of the incumbent. Lookups are
// O(log n); serving uses ArtifactView.
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

// Figures of one version; shares are of the decayed accesses of tracked ids, in [0, 1].
struct MappingStats {
  std::uint64_t ids = 0;             // known ids
  std::uint64_t ids_moved = 0;       // known to the parent, in another row
  std::uint32_t dedicated_rows = 0;  // as MappingInfo::dedicated_rows
  std::uint32_t shared_rows = 0;     // rows for clusters
  std::uint32_t fallback_rows = 0;   // rows of the fallback (may overlap the shared ones)
  std::uint32_t rows_used = 0;       // rows that hold at least one known id
  double traffic_dedicated = 0;
  double traffic_shared = 0;
  double new_id_traffic = 0;  // share of new ids among the accesses since the parent was adopted
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

// A mapping's content hash is the sum of content_term() over its (id, row) pairs, modulo 2^64: a
// client that applies a delta updates and verifies it without a list of its ids.
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
