// What the opaque handles of remap.h that others are made from are.
#pragma once

#include <array>
#include <span>

#include "client/c/call.h"
#include "client/c/remap.h"
#include "client/cpp/loaded_mapping.h"
#include "client/cpp/migration.h"
#include "core/mapping/artifact.h"

struct remap_mapping {
  // One of two: a file opened by itself, or the mapping a client served.
  remapd::mapping::BlobPtr bytes;
  std::optional<remapd::mapping::ArtifactView> opened;
  remapd::client::LoadedMappingPtr served;

  const remapd::mapping::ArtifactView* artifact() const {
    return opened ? &*opened : served->artifact();
  }
  void lookup(std::span<const remapd::Id> ids, std::span<remapd::Row> rows) const {
    if (opened) {
      opened->lookup(ids, rows);
    } else {
      served->lookup(ids, rows);
    }
  }
  void lookup_second(std::span<const remapd::Id> ids, std::span<remapd::Row> rows) const {
    if (opened) {
      opened->lookup_second(ids, rows);
    } else {
      served->lookup_second(ids, rows);
    }
  }
};

struct remap_migration {
  remapd::client::Migration migration;
};

namespace remapd::c_api {

inline Result<void> check_arrays(const void* ids, const void* rows, std::size_t count) {
  if (count != 0 && ids == nullptr) return fail(null_argument("ids"));
  if (count != 0 && rows == nullptr) return fail(null_argument("rows"));
  return {};
}

// rows[i] = the row of ids[i] by `lookup`, a piece at a time so that it is widened in cache.
template <class Lookup>
void lookup_wide(const Lookup& lookup, const uint64_t* ids, std::size_t count, int64_t* rows) {
  std::array<Row, 1024> piece;
  for (std::size_t at = 0; at < count; at += piece.size()) {
    const std::size_t n = count - at < piece.size() ? count - at : piece.size();
    lookup(std::span<const Id>(ids + at, n), std::span<Row>(piece.data(), n));
    for (std::size_t i = 0; i < n; ++i) {
      rows[at + i] = piece[i] == kNoRow ? int64_t{-1} : int64_t{piece[i].value};
    }
  }
}

// A Row has the layout of its number (core/base/types.h).
static_assert(sizeof(Row) == sizeof(uint32_t) && alignof(Row) == alignof(uint32_t));
inline std::span<Row> as_rows(uint32_t* rows, std::size_t count) {
  return {reinterpret_cast<Row*>(rows), count};
}

}  // namespace remapd::c_api
