// Mappings with random content for the tests of this folder.
#pragma once

#include <algorithm>

#include "core/base/random.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

inline Mapping random_mapping(std::size_t ids, std::uint32_t rows, std::uint64_t seed) {
  Random random(seed);
  Mapping out;
  out.info = {.table = "items",
              .version = Version{1},
              .parent = kNoVersion,
              .epoch = Epoch{3},
              .strategy = Strategy::kCombined,
              .rows = rows,
              .dedicated_rows = rows / 2,
              .fallback = {.first_row = rows - 1 - (rows - 1) / 4,
                           .row_count = 1 + (rows - 1) / 4,
                           .ways = 1,
                           .seed = 9},
              .built_ms = 1'700'000'000'000};
  for (std::size_t i = 0; i < ids; ++i) out.ids.push_back(random.next());
  std::sort(out.ids.begin(), out.ids.end());
  out.ids.erase(std::unique(out.ids.begin(), out.ids.end()), out.ids.end());
  for (std::size_t i = 0; i < out.ids.size(); ++i) {
    out.rows.push_back(Row{static_cast<std::uint32_t>(random.below(rows))});
  }
  return out;
}

}  // namespace remapd::mapping
