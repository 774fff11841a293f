#include "core/placement/row_layout.h"

#include <algorithm>
#include <cmath>

namespace remapd::placement {
namespace {

constexpr double kMinNewIdShare = 0.01;
constexpr double kMaxNewIdShare = 0.3;
constexpr double kRowsPerNewId = 32.0;
constexpr double kSlack = 8;  // kept while within this factor: a change of layout moves many rows
constexpr double kImpersistent = -0.02;  // below this new ids lose rows of their own,
constexpr double kPersistent = 0.15;     // and only from here on they get them back

std::uint32_t new_id_rows(const LayoutRequest& request) {
  const double rows = request.rows;
  if (request.new_id_share >= 0) {
    return static_cast<std::uint32_t>(std::floor(rows * request.new_id_share));
  }
  const auto& incumbent = request.incumbent;
  const bool together = incumbent && incumbent->shared > 0 && incumbent->new_id_rows <= 1;
  if (!request.new_id_persistence ||
      *request.new_id_persistence < (together ? kPersistent : kImpersistent)) {
    return 1;
  }
  const double most = std::max(1.0, kMaxNewIdShare * rows);
  const double least = std::max(1.0, kMinNewIdShare * rows);
  const double wanted =
      std::clamp(kRowsPerNewId * static_cast<double>(request.new_ids), least, most);
  // An incumbent with a row for every id had left new ids all the rest.
  if (incumbent) {
    const double held = incumbent->new_id_rows;
    if (held >= wanted / kSlack && held <= std::min(kSlack * wanted, most)) {
      return incumbent->new_id_rows;
    }
  }
  return static_cast<std::uint32_t>(std::floor(wanted));
}

}  // namespace

RowLayout plan_layout(const LayoutRequest& request) {
  RowLayout out;
  out.rows = request.rows;
  out.new_id_rows = std::min(new_id_rows(request), request.rows - 1);
  const std::uint32_t placed = request.rows - out.new_id_rows;
  if (request.ids <= placed) {  // a row for everyone, and what is left for new ids
    out.dedicated = static_cast<std::uint32_t>(std::max<std::uint64_t>(request.ids, 1));
    out.new_id_rows = request.rows - out.dedicated;
    return out;
  }
  // More ids than rows: at least one row must be shared. Who owns a row must not depend on how many
  // rows new ids hold just now, or every change of that would move the head.
  const bool may_change = request.new_id_share < 0 && out.new_id_rows > 1;
  const double reserved = may_change ? kMaxNewIdShare * request.rows : out.new_id_rows;
  const double wish = request.dedicated_share * (request.rows - reserved);
  out.dedicated = std::min(static_cast<std::uint32_t>(wish), placed - 1);
  out.shared = placed - out.dedicated;
  return out;
}

}  // namespace remapd::placement
