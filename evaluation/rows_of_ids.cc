#include "evaluation/rows_of_ids.h"

namespace remapd::evaluation {

RowsOfIds own_rows(std::uint32_t ids) {
  RowsOfIds out;
  out.rows = ids;
  out.first.reserve(ids);
  for (std::uint32_t row = 0; row < ids; ++row) out.first.push_back(Row{row});
  return out;
}

RowsOfIds rows_by_fallback(std::span<const Id> ids, const mapping::Fallback& fallback,
                           std::uint32_t rows) {
  RowsOfIds out;
  out.rows = rows;
  out.first.reserve(ids.size());
  for (const Id id : ids) out.first.push_back(fallback.row(id));
  if (fallback.ways == 2) {
    out.second.reserve(ids.size());
    for (const Id id : ids) out.second.push_back(fallback.second_row(id));
  }
  return out;
}

RowsOfIds rows_by_artifact(std::span<const Id> ids, const mapping::ArtifactView& artifact) {
  RowsOfIds out;
  out.rows = artifact.info().rows;
  out.first.resize(ids.size());
  artifact.lookup(ids, out.first);
  if (artifact.info().fallback.ways == 2) {
    out.second.resize(ids.size());
    artifact.lookup_second(ids, out.second);
  }
  return out;
}

}  // namespace remapd::evaluation
