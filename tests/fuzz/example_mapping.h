// Two successive small mappings: what the corpus files of artifacts and deltas are made from.
#pragma once

#include "core/mapping/mapping.h"

namespace remapd::fuzz {

inline mapping::Mapping example_mapping(Version version) {
  mapping::Mapping out;
  out.info = {.table = "item",
              .version = version,
              .parent = Version{version.value - 1},
              .epoch = Epoch{1},
              .strategy = mapping::Strategy::kCombined,
              .rows = 16,
              .dedicated_rows = 4,
              .fallback = {.first_row = 12, .row_count = 4, .ways = 1, .seed = 7},
              .built_ms = 1'700'000'000'000};
  for (Id id = version.value; id < 40; id += version.value) {
    out.ids.push_back(id);
    out.rows.push_back(Row{static_cast<std::uint32_t>((id * 5 + version.value) % 12)});
  }
  return out;
}

}  // namespace remapd::fuzz
