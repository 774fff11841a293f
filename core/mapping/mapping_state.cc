#include "core/mapping/mapping_state.h"

namespace remapd::mapping {

void put_info(const MappingInfo& info, ByteWriter& out) {
  out.put_string(info.table);
  out.put(info.version.value);
  out.put(info.parent.value);
  out.put(info.epoch.value);
  out.put(static_cast<std::uint8_t>(info.strategy));
  out.put(info.rows);
  out.put(info.dedicated_rows);
  out.put(info.fallback.first_row);
  out.put(info.fallback.row_count);
  out.put(info.fallback.ways);
  out.put(info.fallback.seed);
  out.put(info.built_ms);
}

Result<MappingInfo> get_info(ByteReader& in) {
  MappingInfo info;
  info.table = in.get_string();
  info.version = Version{in.get<std::uint64_t>()};
  info.parent = Version{in.get<std::uint64_t>()};
  info.epoch = Epoch{in.get<std::uint64_t>()};
  const auto strategy = in.get<std::uint8_t>();
  info.strategy = static_cast<Strategy>(strategy);
  info.rows = in.get<std::uint32_t>();
  info.dedicated_rows = in.get<std::uint32_t>();
  info.fallback.first_row = in.get<std::uint32_t>();
  info.fallback.row_count = in.get<std::uint32_t>();
  info.fallback.ways = in.get<std::uint32_t>();
  info.fallback.seed = in.get<std::uint64_t>();
  info.built_ms = in.get<std::int64_t>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "mapping info: cut short");
  if (strategy > static_cast<std::uint8_t>(Strategy::kCombined) || !sound(info)) {
    return fail(ErrorCode::kCorrupt, "mapping info: contradicts itself");
  }
  return info;
}

bool sound(const MappingInfo& info) {
  const Fallback& fallback = info.fallback;
  return info.rows > 0 && info.rows < kNoRow.value && info.dedicated_rows <= info.rows &&
         fallback.row_count > 0 && (fallback.ways == 1 || fallback.ways == 2) &&
         fallback.first_row < info.rows && fallback.row_count <= info.rows - fallback.first_row;
}

void save(const Mapping& mapping, ByteWriter& out) {
  put_info(mapping.info, out);
  const MappingStats& stats = mapping.stats;
  out.put(stats.ids_moved);
  out.put(stats.dedicated_rows);
  out.put(stats.shared_rows);
  out.put(stats.fallback_rows);
  out.put(stats.rows_used);
  out.put(stats.traffic_dedicated);
  out.put(stats.traffic_shared);
  out.put(stats.new_id_traffic);
  out.put(stats.traffic_moved);
  out.put(stats.distortion);
  out.put_vector(mapping.ids);
  out.put_vector(mapping.rows);
}

Result<Mapping> load_mapping(ByteReader& in) {
  Mapping mapping;
  auto info = get_info(in);
  if (!info) return fail(std::move(info).error());
  mapping.info = std::move(*info);
  MappingStats& stats = mapping.stats;
  stats.ids_moved = in.get<std::uint64_t>();
  stats.dedicated_rows = in.get<std::uint32_t>();
  stats.shared_rows = in.get<std::uint32_t>();
  stats.fallback_rows = in.get<std::uint32_t>();
  stats.rows_used = in.get<std::uint32_t>();
  stats.traffic_dedicated = in.get<double>();
  stats.traffic_shared = in.get<double>();
  stats.new_id_traffic = in.get<double>();
  stats.traffic_moved = in.get<double>();
  stats.distortion = in.get<double>();
  mapping.ids = in.get_vector<Id>();
  mapping.rows = in.get_vector<Row>();
  stats.ids = mapping.ids.size();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "mapping state: cut short");
  bool agrees = mapping.ids.size() == mapping.rows.size();
  for (std::size_t i = 0; agrees && i < mapping.ids.size(); ++i) {
    agrees = mapping.rows[i].value < mapping.info.rows &&
             (i == 0 || mapping.ids[i - 1] < mapping.ids[i]);
  }
  if (!agrees) return fail(ErrorCode::kCorrupt, "mapping state: contradicts itself");
  return mapping;
}

}  // namespace remapd::mapping
