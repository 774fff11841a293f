// Fallback: how a new id finds a row: it is hashed into a contiguous range of rows.
//
// The range is the new-id rows, or without any the shared rows, or without those the whole table.
// Strategies frequency and double_hash use all rows that are not dedicated. With ways == 2
// (double_hash) a new id has two rows whose embeddings are summed; they may be equal.
#pragma once

#include <cstdint>

#include "core/base/hash.h"
#include "core/base/types.h"

namespace remapd::mapping {

struct Fallback {
  std::uint32_t first_row = 0;
  std::uint32_t row_count = 1;  // > 0
  std::uint32_t ways = 1;       // 1 or 2
  std::uint64_t seed = 0;

  constexpr Row row(Id id) const { return Row{first_row + reduce(hash_id(id, seed), row_count)}; }
  // Only meaningful with ways == 2.
  constexpr Row second_row(Id id) const {
    return Row{first_row + reduce(hash_id(id, seed + 1), row_count)};
  }

  friend bool operator==(const Fallback&, const Fallback&) = default;
};

// The fallback of a table before version 1: every id is hashed over all rows. The plan to version 1
// starts from it.
constexpr Fallback initial_fallback(std::uint32_t rows, std::uint64_t seed) {
  return {.first_row = 0, .row_count = rows, .ways = 1, .seed = seed};
}

}  // namespace remapd::mapping
