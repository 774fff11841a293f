#include "daemon/cli/mapping_report.h"

#include <fmt/format.h>

#include "daemon/cli/format.h"

namespace remapd::cli {

void add_info(const mapping::MappingInfo& info, Facts& facts) {
  facts.add("table", info.table, "table", info.table);
  facts.add_json("version", info.version.value);
  facts.add_json("parent", info.parent.value);
  facts.add_json("epoch", info.epoch.value);
  facts.add_text("version",
                 info.parent == kNoVersion
                     ? fmt::format("{} (the first), epoch {}", info.version.value, info.epoch.value)
                     : fmt::format("{} (after {}), epoch {}", info.version.value, info.parent.value,
                                   info.epoch.value));
  facts.add("built_ms", info.built_ms, "built", format_time(info.built_ms));
  facts.add("strategy", mapping::to_string(info.strategy), "strategy",
            std::string(mapping::to_string(info.strategy)));
  facts.add_json("rows", info.rows);
  facts.add_json("dedicated_rows", info.dedicated_rows);
  facts.add_text("rows", fmt::format("{}, the first {} dedicated to one id each",
                                     format_count(info.rows), format_count(info.dedicated_rows)));
  const mapping::Fallback& fallback = info.fallback;
  facts.add_json("fallback", {{"first_row", fallback.first_row},
                              {"row_count", fallback.row_count},
                              {"ways", fallback.ways},
                              {"seed", fallback.seed}});
  facts.add_text(
      "new ids",
      fmt::format("hashed to {} of rows {} to {}", fallback.ways == 2 ? "two" : "one",
                  format_count(fallback.first_row),
                  format_count(std::uint64_t{fallback.first_row} + fallback.row_count - 1)));
}

void add_stats(const mapping::MappingStats& stats, Facts& facts) {
  facts.add_json("stats", {{"ids", stats.ids},
                           {"ids_moved", stats.ids_moved},
                           {"dedicated_rows", stats.dedicated_rows},
                           {"shared_rows", stats.shared_rows},
                           {"fallback_rows", stats.fallback_rows},
                           {"rows_used", stats.rows_used},
                           {"traffic_dedicated", stats.traffic_dedicated},
                           {"traffic_shared", stats.traffic_shared},
                           {"new_id_traffic", stats.new_id_traffic},
                           {"traffic_moved", stats.traffic_moved},
                           {"distortion", stats.distortion}});
  facts.add_text("rows used",
                 fmt::format("{}: {} dedicated, {} open to clusters, {} open to "
                             "new ids",
                             format_count(stats.rows_used), format_count(stats.dedicated_rows),
                             format_count(stats.shared_rows), format_count(stats.fallback_rows)));
  facts.add_text(
      "traffic",
      fmt::format("{} to dedicated rows, {} to shared rows; {} by ids not known before",
                  format_share(stats.traffic_dedicated), format_share(stats.traffic_shared),
                  format_share(stats.new_id_traffic)));
  facts.add_text("moved",
                 fmt::format("{}, {} of traffic, against the version before",
                             count_of(stats.ids_moved, "id"), format_share(stats.traffic_moved)));
  facts.add_text("distortion", fmt::format("{:.3f} of the variance inside shared rows (0: ids that "
                                           "share a row are alike)",
                                           stats.distortion));
}

TextTable version_table() {
  using enum TextTable::Align;
  return TextTable({{"table", kLeft},
                    {"version"},
                    {"strategy", kLeft},
                    {"rows"},
                    {"ids"},
                    {"dedicated"},
                    {"shared"},
                    {"to dedicated"},
                    {"to shared"},
                    {"moved"},
                    {"size"}});
}

void add_version_row(const mapping::MappingInfo& info, const mapping::MappingStats& stats,
                     std::uint64_t bytes, TextTable& table) {
  table.add_row({info.table, fmt::format("{}", info.version.value),
                 std::string(mapping::to_string(info.strategy)), format_count(info.rows),
                 format_count(stats.ids), format_count(stats.dedicated_rows),
                 format_count(stats.shared_rows), format_share(stats.traffic_dedicated),
                 format_share(stats.traffic_shared), format_share(stats.traffic_moved),
                 format_bytes(bytes)});
}

}  // namespace remapd::cli
