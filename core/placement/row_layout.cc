#include "core/placement/row_layout.h"

#include <algorithm>
#include <cmath>

namespace remapd::placement {
namespace {

constexpr double kMinNewcomerShare = 0.01;
constexpr double kMaxNewcomerShare = 0.3;
constexpr double kRowsPerArrival = 32.0;
constexpr double kSlack = 8;  // kept while within this factor: a change of layout moves many rows
constexpr double kImpersistent = -0.02;  // below this newcomers lose rows of their own,
constexpr double kPersistent = 0.15;     // and only from here on they get them back

std::uint32_t newcomer_rows(const LayoutRequest& request) {
  const double rows = request.rows;
  if (request.newcomer_share >= 0) {
    return static_cast<std::uint32_t>(std::floor(rows * request.newcomer_share));
  }
  const auto& incumbent = request.incumbent;
  const bool together = incumbent && incumbent->shared > 0 && incumbent->newcomers <= 1;
  if (!request.newcomer_persistence ||
      *request.newcomer_persistence < (together ? kPersistent : kImpersistent)) {
    return 1;
  }
  const double most = std::max(1.0, kMaxNewcomerShare * rows);
  const double least = std::max(1.0, kMinNewcomerShare * rows);
  const double wanted =
      std::clamp(kRowsPerArrival * static_cast<double>(request.arrivals), least, most);
  // An incumbent with a row for every id had left newcomers all the rest.
  if (incumbent) {
    const double held = incumbent->newcomers;
    if (held >= wanted / kSlack && held <= std::min(kSlack * wanted, most)) {
      return incumbent->newcomers;
    }
  }
  return static_cast<std::uint32_t>(std::floor(wanted));
}

}  // namespace

RowLayout plan_layout(const LayoutRequest& request) {
  RowLayout out;
  out.rows = request.rows;
  out.newcomers = std::min(newcomer_rows(request), request.rows - 1);
  const std::uint32_t placed = request.rows - out.newcomers;
  if (request.ids <= placed) {  // a row for everyone, and what is left for newcomers
    out.dedicated = static_cast<std::uint32_t>(std::max<std::uint64_t>(request.ids, 1));
    out.newcomers = request.rows - out.dedicated;
    return out;
  }
  // More ids than rows: at least one row must be shared. Who owns a row must not depend on how many
  // rows newcomers hold just now, or every change of that would move the head.
  const bool may_change = request.newcomer_share < 0 && out.newcomers > 1;
  const double reserved = may_change ? kMaxNewcomerShare * request.rows : out.newcomers;
  const double wish = request.dedicated_share * (request.rows - reserved);
  out.dedicated = std::min(static_cast<std::uint32_t>(wish), placed - 1);
  out.shared = placed - out.dedicated;
  return out;
}

}  // namespace remapd::placement
