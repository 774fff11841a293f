#include <utility>

#include <fmt/format.h>

#include "client/c/handles.h"
#include "connectors/files/mapped_blob.h"

using remapd::ErrorCode;
using remapd::Result;
namespace c_api = remapd::c_api;

extern "C" {

remap_status remap_migration_open(const char* path, remap_migration** out) {
  return c_api::call([&]() -> Result<void> {
    if (path == nullptr) return remapd::fail(c_api::null_argument("path"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    auto blob = remapd::files::MappedBlob::open(path);
    if (!blob) return remapd::fail(std::move(blob).error());
    auto plan = remapd::mapping::decode_plan((*blob)->view());
    if (!plan) return remapd::fail(std::move(plan).error().with_context(path));
    const auto from = plan->from;
    const auto to = plan->to;
    std::vector<remapd::client::PlanPtr> plans{
        std::make_shared<const remapd::mapping::MigrationPlan>(std::move(*plan))};
    *out = new remap_migration{remapd::client::Migration(from, to, std::move(plans))};
    return {};
  });
}

void remap_migration_close(remap_migration* migration) {
  delete migration;
}

remap_status remap_migration_get_info(const remap_migration* migration,
                                      remap_migration_info* info) {
  return c_api::call([&]() -> Result<void> {
    if (migration == nullptr) return remapd::fail(c_api::null_argument("migration"));
    const remapd::client::Migration& of = migration->migration;
    remap_migration_info filled{};
    filled.from = of.from().value;
    filled.to = of.to().value;
    filled.rows = of.rows();
    filled.plans = of.plans().size();
    filled.complete = of.complete() ? 1 : 0;
    return c_api::copy_out(filled, info, "info");
  });
}

const char* remap_migration_missing(const remap_migration* migration) {
  return migration == nullptr ? "" : migration->migration.missing().c_str();
}

remap_status remap_migration_get_plan(const remap_migration* migration, size_t index,
                                      remap_plan* plan) {
  return c_api::call([&]() -> Result<void> {
    if (migration == nullptr) return remapd::fail(c_api::null_argument("migration"));
    const auto& plans = migration->migration.plans();
    if (index >= plans.size()) {
      return remapd::fail(
          ErrorCode::kInvalidArgument,
          fmt::format("there is no plan {}: the migration has {}", index, plans.size()));
    }
    const remapd::mapping::MigrationPlan& of = *plans[index];
    const auto numbers = [](const std::vector<remapd::Row>& rows) {
      return reinterpret_cast<const uint32_t*>(rows.data());
    };
    remap_plan filled{};
    filled.from = of.from.value;
    filled.to = of.to.value;
    filled.from_rows = of.from_rows;
    filled.to_rows = of.to_rows;
    filled.changed_count = of.changed.size();
    filled.changed = numbers(of.changed);
    filled.source_begin = of.source_begin.data();
    filled.source_count = of.sources.size();
    filled.sources = numbers(of.sources);
    filled.weights = of.weights.data();
    filled.state = reinterpret_cast<const uint8_t*>(of.state.data());
    filled.restarted_count = of.restarted.size();
    filled.restarted = numbers(of.restarted);
    filled.restart_source_count = of.restart_sources.size();
    filled.restart_sources = numbers(of.restart_sources);
    filled.restart_weights = of.restart_weights.data();
    return c_api::copy_out(filled, plan, "plan");
  });
}

remap_status remap_migration_apply_f32(const remap_migration* migration, float* matrix, size_t size,
                                       size_t columns) {
  return c_api::call([&]() -> Result<void> {
    if (migration == nullptr) return remapd::fail(c_api::null_argument("migration"));
    if (size != 0 && matrix == nullptr) return remapd::fail(c_api::null_argument("matrix"));
    return migration->migration.apply({matrix, size}, columns);
  });
}

remap_status remap_migration_apply_state_f32(const remap_migration* migration, float* state,
                                             size_t size, size_t columns, float initial) {
  return c_api::call([&]() -> Result<void> {
    if (migration == nullptr) return remapd::fail(c_api::null_argument("migration"));
    if (size != 0 && state == nullptr) return remapd::fail(c_api::null_argument("state"));
    return migration->migration.apply_to_state({state, size}, columns, initial);
  });
}
}
