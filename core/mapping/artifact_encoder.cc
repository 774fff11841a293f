#include "core/mapping/artifact_encoder.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/huge_pages.h"
#include "core/base/parallel.h"
#include "core/mapping/artifact_assembly.h"
#include "core/mapping/artifact_format.h"
#include "core/mapping/compact_encoder.h"
#include "core/mapping/line_encoder.h"
#include "core/mapping/mapping_state.h"

namespace remapd::mapping {
namespace {

constexpr std::size_t kIdsOfTask = 65'536;

// content_hash() (mapping.h), on all threads.
std::uint64_t content_hash_of(const Mapping& mapping) {
  const std::size_t n = mapping.ids.size();
  std::vector<std::uint64_t> sums(n / kIdsOfTask + 1);
  parallel_pieces(sums.size(), [&](std::size_t piece) {
    for (std::size_t i = piece * kIdsOfTask; i < std::min(n, (piece + 1) * kIdsOfTask); ++i) {
      sums[piece] += content_term(mapping.ids[i], mapping.rows[i]);
    }
  });
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

}  // namespace

Bytes encode_artifact(const Mapping& mapping, ArtifactKind kind) {
  const MappingInfo& info = mapping.info;
  REMAPD_CHECK(sound(info), "the mapping's rows and fallback fit each other");
  REMAPD_CHECK(info.table.size() <= format::kMaxNameBytes, "table names are short");
  REMAPD_CHECK(mapping.rows.size() == mapping.ids.size(), "one row for each id");
  parallel_ranges(mapping.ids.size(), kIdsOfTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      REMAPD_CHECK(mapping.rows[i].value < info.rows, "rows lie in the table");
      REMAPD_CHECK(i == 0 || mapping.ids[i - 1] < mapping.ids[i], "ids are strictly ascending");
    }
  });
  const std::uint64_t hash = content_hash_of(mapping);
  return kind == ArtifactKind::kCompact ? encode_compact(mapping, hash)
                                        : encode_lines(mapping, hash);
}

Bytes with_info(const ArtifactView& artifact, const MappingInfo& info) {
  REMAPD_CHECK(info.table == artifact.info_.table && info.rows == artifact.info_.rows &&
                   info.fallback == artifact.info_.fallback,
               "what lookups depend on stays");
  ArtifactParts parts{
      .info = info, .ids = artifact.ids_, .content_hash = artifact.content_hash_, .shape = {}};
  std::visit([&](const auto& table) { parts.shape = table.shape(); }, artifact.table_);
  Bytes bytes;
  bytes.reserve(artifact.bytes_.size());
  advise_huge_pages(bytes.data(), bytes.capacity());
  bytes.resize(header_bytes(info));
  bytes.insert(bytes.end(), artifact.bytes_.begin() + artifact.header_size_, artifact.bytes_.end());
  return assemble(parts, std::move(bytes));
}

}  // namespace remapd::mapping
