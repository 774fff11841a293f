// LineTable: lookups in the body of a fast artifact (artifact_format.h), in place: cache lines of
// entries, then the exceptions.
//
// The id's hash chooses a line of entries, each a fingerprint and a row; a line that was full sends
// lookups on to the next one. A lookup is O(1), one cache line, rarely two.
//
// The bytes must outlive it. Const calls are thread safe. Whatever the bytes hold, nothing outside
// the first shape.bytes() of them is read, and rows found are below `rows`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/base/types.h"
#include "core/mapping/artifact_format.h"
#include "core/mapping/fallback.h"

namespace remapd::mapping {

struct LineShape {
  std::uint32_t layout = 0;  // format::kNarrow or kWide
  std::uint32_t row_bits = 0;
  std::uint32_t home_lines = 0;
  std::uint32_t lines = 0;
  std::uint64_t exceptions = 0;

  std::uint64_t bytes() const {
    return std::uint64_t{lines} * format::kLineBytes + exceptions * (sizeof(Id) + sizeof(Row));
  }
};

class LineTable {
 public:
  LineTable(const LineShape& shape, std::uint32_t rows, const std::byte* begin)
      : shape_(shape), rows_(rows), begin_(begin) {}

  const LineShape& shape() const { return shape_; }
  const std::byte* line(std::uint64_t index) const { return begin_ + index * format::kLineBytes; }
  // Exception i, i < shape().exceptions; ascending by id.
  Id exception_id(std::uint64_t i) const;
  Row exception_row(std::uint64_t i) const;

  // The row of a known id; for others none, or with probability < 3e-7 some row.
  std::optional<Row> find(Id id) const;
  // Batched; kNoRow where find() gives nothing. out.size() == ids.size().
  void find(std::span<const Id> ids, std::span<Row> out) const;
  // Batched; where find() gives nothing, the fallback's row. out.size() == ids.size().
  void lookup(std::span<const Id> ids, const Fallback& fallback, std::span<Row> out) const;

 private:
  template <class Line>
  bool find_from(std::uint32_t index, const Line& access, Row& row) const;
  template <class FallbackRow>
  void find_or(std::span<const Id> ids, const FallbackRow& fallback_row, std::span<Row> out) const;
  template <class Line, class FallbackRow>
  void find_in_lines(std::span<const Id> ids, const FallbackRow& fallback_row,
                     std::span<Row> out) const;
  std::optional<Row> find_exception(Id id) const;

  LineShape shape_;
  std::uint32_t rows_;
  const std::byte* begin_;
};

}  // namespace remapd::mapping
