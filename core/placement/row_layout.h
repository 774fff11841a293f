// Divides a table's row budget into dedicated, shared and new-id rows (builder.h).
#pragma once

#include <cstdint>
#include <optional>

namespace remapd::placement {

struct RowLayout {
  std::uint32_t rows = 0;
  std::uint32_t dedicated = 0;    // [0, dedicated)
  std::uint32_t shared = 0;       // [dedicated, dedicated + shared)
  std::uint32_t new_id_rows = 0;  // the rest, up to rows

  std::uint32_t placed() const { return dedicated + shared; }
};

struct LayoutRequest {
  std::uint32_t rows = 1;
  double dedicated_share = 0.3;
  double new_id_share = -1;   // < 0: by `new_ids`
  std::uint64_t ids = 0;      // known ids
  std::uint64_t new_ids = 0;  // of them new since the last full build
  // Whether what a row learns at one access of a new id helps at its next: the correlation of
  // successive prediction errors, in [-1, 1]; none: not known. Without a value, or below a
  // threshold near 0, new ids share one row; the threshold to leave that state is higher, because
  // the value is noisy.
  std::optional<double> new_id_persistence{};
  struct Incumbent {
    std::uint32_t shared = 0;       // rows of each kind
    std::uint32_t new_id_rows = 0;  // kept while it still fits `new_ids`
  };
  std::optional<Incumbent> incumbent{};
};

// Every row has a role: dedicated + shared + new_id_rows == rows. At least one row is dedicated or
// shared. With new_id_rows == 0 new ids fall on the shared rows.
RowLayout plan_layout(const LayoutRequest& request);

}  // namespace remapd::placement
