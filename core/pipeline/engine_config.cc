#include "core/pipeline/engine_config.h"

#include <limits>
#include <unordered_set>

namespace remapd::pipeline {
namespace {

template <class T>
Result<void> in_range(const std::string& key, T value, T low, T high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorCode::kConfig, key + " is " + std::to_string(value) + ", must be between " +
                                      std::to_string(low) + " and " + std::to_string(high));
}

Result<void> multiple_of_four(const std::string& key, std::uint32_t value) {
  if (value % 4 == 0) return {};
  return fail(ErrorCode::kConfig,
              key + " is " + std::to_string(value) + ", must be a multiple of 4");
}

Result<void> validate_table(const TableConfig& table) {
  const std::string key = "table \"" + table.name + "\": ";
  constexpr std::uint32_t kMaxRows = std::numeric_limits<std::uint32_t>::max() - 1;
  return in_range<std::uint32_t>(key + "rows", table.rows, 1, kMaxRows)
      .and_then([&] {
        return in_range<std::uint64_t>(key + "max_tracked_ids", table.max_tracked_ids, 1,
                                       std::uint64_t{1} << 31);
      })
      .and_then([&] { return in_range(key + "dedicated_share", table.dedicated_share, 0.0, 1.0); })
      .and_then([&] { return in_range(key + "new_id_share", table.new_id_share, -1.0, 0.9); })
      .and_then([&] { return in_range(key + "horizon", table.horizon, -1.0, 1e18); })
      .and_then([&] { return in_range(key + "hysteresis", table.hysteresis, 0.0, 1.0); })
      .and_then([&] { return in_range(key + "churn_budget", table.churn_budget, 0.0, 1.0); });
}

}  // namespace

std::string_view to_string(LearnerChoice choice) {
  switch (choice) {
    case LearnerChoice::kAuto:
      return "auto";
    case LearnerChoice::kCoAccess:
      return "co_access";
    case LearnerChoice::kSupervised:
      return "supervised";
  }
  return "unknown";
}

Result<void> EngineConfig::validate() const {
  if (tables.empty()) return fail(ErrorCode::kConfig, "no table: add a [[table]] section");
  if (features.empty()) return fail(ErrorCode::kConfig, "no feature: add a [[feature]] section");
  std::unordered_set<std::string_view> names;
  for (const TableConfig& table : tables) {
    if (table.name.empty()) return fail(ErrorCode::kConfig, "a table has no name");
    if (!names.insert(table.name).second) {
      return fail(ErrorCode::kConfig, "two tables are named \"" + table.name + "\"");
    }
    if (auto ok = validate_table(table); !ok) return ok;
  }
  names.clear();
  for (const Feature& feature : features) {
    if (feature.name.empty()) return fail(ErrorCode::kConfig, "a feature has no name");
    if (!names.insert(feature.name).second) {
      return fail(ErrorCode::kConfig, "two features are named \"" + feature.name + "\"");
    }
    if (feature.table.value >= tables.size()) {
      return fail(ErrorCode::kConfig, "feature \"" + feature.name + "\" feeds no existing table");
    }
  }
  return in_range<std::uint32_t>("co_access_dimension", co_access_dimension, 4, 64)
      .and_then([&] { return multiple_of_four("co_access_dimension", co_access_dimension); })
      .and_then([&] { return in_range<std::uint32_t>("factors", factors, 4, 32); })
      .and_then([&] { return multiple_of_four("factors", factors); })
      .and_then([&] { return in_range<std::uint32_t>("mini_batch", mini_batch, 1, 4096); })
      .and_then([&] {
        return in_range<std::uint64_t>("tick_samples", tick_samples, 1,
                                       std::numeric_limits<std::uint64_t>::max());
      });
}

}  // namespace remapd::pipeline
