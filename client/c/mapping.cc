#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "client/c/handles.h"
#include "connectors/files/mapped_blob.h"

using remapd::Id;
using remapd::Result;
using remapd::Row;
namespace c_api = remapd::c_api;

extern "C" {

remap_status remap_mapping_open(const char* path, remap_mapping** out) {
  return c_api::call([&]() -> Result<void> {
    if (path == nullptr) return remapd::fail(c_api::null_argument("path"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    auto blob = remapd::files::MappedBlob::open(path);
    if (!blob) return remapd::fail(std::move(blob).error());
    auto view = remapd::mapping::ArtifactView::open((*blob)->view(), remapd::mapping::Verify::kAll);
    if (!view) return remapd::fail(std::move(view).error().with_context(path));
    *out = new remap_mapping{*blob, std::move(*view), nullptr};
    return {};
  });
}

void remap_mapping_close(remap_mapping* mapping) {
  delete mapping;
}

remap_status remap_mapping_get_info(const remap_mapping* mapping, remap_mapping_info* info) {
  return c_api::call([&]() -> Result<void> {
    if (mapping == nullptr) return remapd::fail(c_api::null_argument("mapping"));
    remap_mapping_info filled{};
    if (const auto* artifact = mapping->artifact()) {
      const remapd::mapping::MappingInfo& of = artifact->info();
      filled.version = of.version.value;
      filled.parent = of.parent.value;
      filled.epoch = of.epoch.value;
      filled.ids = artifact->ids();
      filled.content_hash = artifact->content_hash();
      filled.built_ms = of.built_ms;
      filled.rows = of.rows;
      filled.dedicated_rows = of.dedicated_rows;
      filled.ways = of.fallback.ways;
      c_api::copy_text(of.table, filled.table);
    } else {
      filled.rows = mapping->served->rows();
      filled.ways = 1;
    }
    return c_api::copy_out(filled, info, "info");
  });
}

remap_status remap_mapping_lookup_u32(const remap_mapping* mapping, const uint64_t* ids,
                                      size_t count, uint32_t* rows) {
  return c_api::call([&]() -> Result<void> {
    if (mapping == nullptr) return remapd::fail(c_api::null_argument("mapping"));
    if (auto ok = c_api::check_arrays(ids, rows, count); !ok) return ok;
    mapping->lookup({ids, count}, c_api::as_rows(rows, count));
    return {};
  });
}

remap_status remap_mapping_lookup_i64(const remap_mapping* mapping, const uint64_t* ids,
                                      size_t count, int64_t* rows) {
  return c_api::call([&]() -> Result<void> {
    if (mapping == nullptr) return remapd::fail(c_api::null_argument("mapping"));
    if (auto ok = c_api::check_arrays(ids, rows, count); !ok) return ok;
    c_api::lookup_wide([&](std::span<const Id> in, std::span<Row> to) { mapping->lookup(in, to); },
                       ids, count, rows);
    return {};
  });
}

remap_status remap_mapping_lookup_second_i64(const remap_mapping* mapping, const uint64_t* ids,
                                             size_t count, int64_t* rows) {
  return c_api::call([&]() -> Result<void> {
    if (mapping == nullptr) return remapd::fail(c_api::null_argument("mapping"));
    if (auto ok = c_api::check_arrays(ids, rows, count); !ok) return ok;
    c_api::lookup_wide(
        [&](std::span<const Id> in, std::span<Row> to) { mapping->lookup_second(in, to); }, ids,
        count, rows);
    return {};
  });
}

remap_status remap_mapping_roles(const remap_mapping* mapping, const uint64_t* ids, size_t count,
                                 uint8_t* roles) {
  return c_api::call([&]() -> Result<void> {
    if (mapping == nullptr) return remapd::fail(c_api::null_argument("mapping"));
    if (count != 0 && ids == nullptr) return remapd::fail(c_api::null_argument("ids"));
    if (count != 0 && roles == nullptr) return remapd::fail(c_api::null_argument("roles"));
    const auto* artifact = mapping->artifact();
    if (artifact == nullptr) {
      std::fill_n(roles, count, std::uint8_t{REMAP_ROLE_FALLBACK});
      return {};
    }
    const auto role_of = [dedicated = artifact->info().dedicated_rows](Row row) -> std::uint8_t {
      if (row == remapd::kNoRow) return REMAP_ROLE_FALLBACK;
      return row.value < dedicated ? REMAP_ROLE_DEDICATED : REMAP_ROLE_SHARED;
    };
    std::array<Row, 4'096> found;
    for (std::size_t first = 0; first < count; first += found.size()) {
      const auto rows = std::span(found).first(std::min(found.size(), count - first));
      artifact->find({ids + first, rows.size()}, rows);
      std::transform(rows.begin(), rows.end(), roles + first, role_of);
    }
    return {};
  });
}
}
