#include "examples/click_trainer/report.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace remapd::click_trainer {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f} %", 100 * share);
}

std::string grouped(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

double median(std::vector<double> values) {
  if (values.empty()) return std::nan("");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

std::string meaning(const std::string& contender) {
  if (contender == "full") return "a row for every id";
  if (contender == "hash") return "ids hashed to rows";
  if (contender == "frequency") return "frequent ids own a row, others hashed";
  return "remapd's versions, swapped and migrated";
}

}  // namespace

std::string report_text(const TrainingResult& result) {
  std::string out;
  auto line = std::back_inserter(out);
  fmt::format_to(line, "Mapping versions (last one; shares are of accesses)\n");
  fmt::format_to(line, "  {:<12} {:>9} {:>7} {:>9} {:>9} {:>10} {:>8} {:>8} {:>8}\n", "table",
                 "published", "swapped", "rows", "ids", "dedicated", "shared", "new ids", "moved");
  for (const TableResult& table : result.tables) {
    if (!table.table.shared()) {
      fmt::format_to(line, "  {:<12} {:>9} {:>7} {:>9} {:>9}  a row for every id\n",
                     table.table.feature, "-", "-", grouped(table.ids), grouped(table.ids));
      continue;
    }
    const TableHistory& history = table.history;
    const double nothing = std::nan("");
    const auto stats = history.served ? history.served->stats : mapping::MappingStats{};
    fmt::format_to(
        line, "  {:<12} {:>9} {:>7} {:>9} {:>9} {:>10} {:>8} {:>8} {:>8}\n", table.table.feature,
        history.published, history.swapped, grouped(table.table.rows), grouped(stats.ids),
        percent(history.served ? stats.traffic_dedicated : nothing),
        percent(history.served ? stats.traffic_shared : nothing),
        percent(history.served ? stats.new_id_traffic : nothing), percent(median(history.moved)));
    if (history.rejected > 0) {
      fmt::format_to(line, "    {} versions could not be used; the last problem: {}\n",
                     history.rejected, history.problem);
    }
  }
  fmt::format_to(line,
                 "  dedicated, shared: rows of one id, rows that alike ids share; new ids: not in "
                 "the mapping;\n  moved: changed row from one version to the next (median)\n\n");
  fmt::format_to(line,
                 "Normalised entropy (NE) over the {} samples after the first 20 %; lower is "
                 "better\n",
                 grouped(result.counted));
  fmt::format_to(line, "  {:<12} {:>9} {:>9} {:>11}\n", "model", "rows", "NE", "gap closed");
  for (const ContenderResult& contender : result.contenders) {
    fmt::format_to(line, "  {:<12} {:>9} {:>9.4f} {:>11}   {}\n", contender.name,
                   grouped(contender.rows), contender.normalised_entropy,
                   percent(contender.gap_closed), meaning(contender.name));
  }
  const bool gap = std::any_of(result.contenders.begin(), result.contenders.end(),
                               [](const auto& c) { return std::isfinite(c.gap_closed); });
  fmt::format_to(line, "  gap closed: {}\n",
                 gap ? "from hash (0 %) to a row for every id (100 %)"
                     : "a row for every id is no better than hash here, so there is none to close");
  return out;
}

std::string report_json(const TrainingResult& result) {
  Json out;
  out["samples"] = result.samples;
  out["samples_counted"] = result.counted;
  out["seconds"] = std::round(result.seconds * 10) / 10;
  out["tables"] = Json::array();
  for (const TableResult& table : result.tables) {
    Json& entry = out["tables"].emplace_back();
    entry["table"] = table.table.feature;
    entry["ids"] = table.ids;
    entry["rows"] = table.table.shared() ? table.table.rows : table.ids;
    entry["shared"] = table.table.shared();
    if (!table.table.shared()) continue;
    const TableHistory& history = table.history;
    entry["versions_published"] = history.published;
    entry["versions_swapped"] = history.swapped;
    entry["versions_rejected"] = history.rejected;
    entry["version"] = history.served ? Json(history.served->info.version.value) : Json(nullptr);
    if (!history.served) continue;
    const mapping::MappingStats& stats = history.served->stats;
    entry["ids_mapped"] = stats.ids;
    entry["dedicated_rows"] = stats.dedicated_rows;
    entry["shared_rows"] = stats.shared_rows;
    entry["traffic_dedicated"] = stats.traffic_dedicated;
    entry["traffic_shared"] = stats.traffic_shared;
    entry["new_id_traffic"] = stats.new_id_traffic;
    entry["traffic_moved"] = number(median(history.moved));
  }
  for (const ContenderResult& contender : result.contenders) {
    out["models"][contender.name] = {{"rows", contender.rows},
                                     {"ne", number(contender.normalised_entropy)},
                                     {"logloss", number(contender.log_loss)},
                                     {"gap_closed", number(contender.gap_closed)}};
  }
  return out.dump();
}

}  // namespace remapd::click_trainer
