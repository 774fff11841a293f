// RowsOfIds: the rows of one feature's ids under one mapping, looked up once instead of at every
// event.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.h"
#include "core/mapping/artifact.h"
#include "core/mapping/fallback.h"

namespace remapd::evaluation {

// Id number n (its place in the list) is in row first[n], and in second[n] as well unless that is
// kNoRow: its embedding is the sum. All rows are below `rows`.
struct RowsOfIds {
  std::uint32_t rows = 0;
  std::vector<Row> first;
  std::vector<Row> second;  // empty: no id has a second row

  // Appends the row or rows of id number `number`.
  void append_to(std::uint32_t number, std::vector<Row>& out) const {
    out.push_back(first[number]);
    if (!second.empty() && second[number] != kNoRow) out.push_back(second[number]);
  }
};

// The full table: every id has a row of its own, in the order of the list.
RowsOfIds own_rows(std::uint32_t ids);

// A table that has no mapping yet.
RowsOfIds rows_by_fallback(std::span<const Id> ids, const mapping::Fallback& fallback,
                           std::uint32_t rows);

// By batched lookups, as a client does.
RowsOfIds rows_by_artifact(std::span<const Id> ids, const mapping::ArtifactView& artifact);

}  // namespace remapd::evaluation
