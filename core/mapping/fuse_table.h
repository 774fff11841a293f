// FuseTable: lookups in the body of a compact artifact (fuse_shape.h), in place.
//
// The bytes must outlive it. Const calls are thread safe. Whatever the bytes hold, nothing outside
// the first shape.bytes() of them is read, and rows found are below `rows`. A lookup is O(1), three
// cache lines.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/types.h"
#include "core/mapping/fallback.h"
#include "core/mapping/fuse_shape.h"

namespace remapd::mapping {

class FuseTable {
 public:
  FuseTable(const FuseShape& shape, std::uint32_t rows, const std::byte* begin)
      : shape_(shape), rows_(rows), seeds_(begin), shards_(begin + shape.seeds_bytes()) {}

  const FuseShape& shape() const { return shape_; }

  // The row of a known id; for others none, or with probability <= 1/4096 some row.
  std::optional<Row> find(Id id) const;
  // Batched; kNoRow where find() gives nothing. out.size() == ids.size().
  void find(std::span<const Id> ids, std::span<Row> out) const;
  // Batched; where find() gives nothing, the fallback's row. out.size() == ids.size().
  void lookup(std::span<const Id> ids, const Fallback& fallback, std::span<Row> out) const;

 private:
  // Where an id's slots are, in bits from `shard`.
  struct Probe {
    const std::byte* shard;
    std::array<std::uint32_t, 3> bits;
    std::uint32_t fingerprint;
  };

  template <class FallbackRow>
  void find_or(std::span<const Id> ids, const FallbackRow& fallback_row, std::span<Row> out) const;
  Probe probe(Id id) const;
  static void fetch(const Probe& probe);
  bool read(const Probe& probe, Row& row) const;

  FuseShape shape_;
  std::uint32_t rows_;
  const std::byte* seeds_;
  const std::byte* shards_;
};

}  // namespace remapd::mapping
