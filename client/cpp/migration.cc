#include "client/cpp/migration.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace remapd::client {
namespace {

std::size_t rows_of(const mapping::MigrationPlan& plan) {
  return std::max(plan.from_rows, plan.to_rows);
}

}  // namespace

Migration::Migration(Version from, Version to, std::vector<PlanPtr> plans)
    : from_(from), to_(to), plans_(std::move(plans)) {
  for (const PlanPtr& plan : plans_) rows_ = std::max(rows_, rows_of(*plan));
}

Migration::Migration(Version from, Version to, std::string missing)
    : from_(from), to_(to), missing_(std::move(missing)) {}

Result<void> Migration::check(std::size_t size, std::size_t columns) const {
  if (!complete()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot migrate from version {} to {}: {}; load the rows from a "
                            "checkpoint the plans lead on from, or start them afresh",
                            from_.value, to_.value, missing_));
  }
  if (columns == 0 || (rows_ > 0 && size != rows_ * columns)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot migrate from version {} to {}: the matrix has {} values, it "
                            "needs {} rows of {} columns",
                            from_.value, to_.value, size, rows_, columns));
  }
  return {};
}

Result<void> Migration::apply(std::span<float> matrix, std::size_t columns) const {
  if (auto ok = check(matrix.size(), columns); !ok) return ok;
  for (const PlanPtr& plan : plans_) {
    auto ok = mapping::apply(*plan, matrix.first(rows_of(*plan) * columns), columns);
    if (!ok) return ok;
  }
  return {};
}

Result<void> Migration::apply_to_state(std::span<float> state, std::size_t columns,
                                       float initial) const {
  if (auto ok = check(state.size(), columns); !ok) return ok;
  for (const PlanPtr& plan : plans_) {
    auto ok =
        mapping::apply_to_state(*plan, state.first(rows_of(*plan) * columns), columns, initial);
    if (!ok) return ok;
  }
  return {};
}

}  // namespace remapd::client
