#include "daemon/cli/build_request.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/mapping/strategy.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/key.h"

namespace remapd::cli {
namespace {

constexpr std::uint64_t kMaxRows = std::numeric_limits<std::uint32_t>::max() - 1;

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, value);
  if (text.empty() || status != std::errc() || stop != end) return std::nullopt;
  return value;
}

struct FeatureSpec {
  std::string name;
  std::string table;
};

std::pair<std::string, std::string> split(const std::string& text) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

Result<std::vector<FeatureSpec>> parse_features(const BuildRequest& request) {
  std::vector<FeatureSpec> features;
  for (const std::string& text : request.features) {
    auto [name, table] = split(text);
    if (name.empty() || (table.empty() && text.find('=') != std::string::npos)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--features: \"{}\" must be NAME or NAME=TABLE", text));
    }
    features.push_back({name, table.empty() ? name : table});
  }
  if (!features.empty()) return features;
  for (const std::string& text : request.tables) {
    const std::string name = split(text).first;
    features.push_back({name, name});
  }
  return features;
}

std::string configuration_text(const std::vector<FeatureSpec>& features,
                               const std::vector<TablePlan>& plans,
                               const std::vector<std::uint32_t>& rows,
                               const std::string& strategy) {
  std::string text;
  for (std::size_t t = 0; t < plans.size(); ++t) {
    text += fmt::format("[[table]]\nname = {}\nrows = {}\n", config::string_literal(plans[t].name),
                        rows[t]);
    if (!strategy.empty()) text += "strategy = " + config::string_literal(strategy) + "\n";
  }
  for (const FeatureSpec& feature : features) {
    text +=
        fmt::format("[[feature]]\nname = {}\ntable = {}\n", config::string_literal(feature.name),
                    config::string_literal(feature.table));
  }
  return text;
}

}  // namespace

Result<RowBudget> parse_row_budget(std::string_view text) {
  const auto refuse = [&] {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" must be a number of rows (20000) or a share of the distinct "
                            "ids, up to 100 % (10% or 0.1)",
                            text));
  };
  std::optional<double> share;
  if (text.ends_with('%')) {
    share = parse_number<double>(text.substr(0, text.size() - 1));
    if (!share) return refuse();
    *share /= 100;
  } else if (text.find('.') != std::string_view::npos) {
    share = parse_number<double>(text);
    if (!share) return refuse();
  }
  if (share) {
    if (!(*share > 0 && *share <= 1)) return refuse();
    return RowBudget{.share = share};
  }
  const auto rows = parse_number<std::uint64_t>(text);
  if (!rows || *rows == 0 || *rows > kMaxRows) return refuse();
  return RowBudget{.share = std::nullopt, .rows = static_cast<std::uint32_t>(*rows)};
}

Result<std::vector<TablePlan>> plan_tables(const BuildRequest& request) {
  const auto features = parse_features(request);
  if (!features) return fail(features.error());
  if (features->empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "say which features to map, as in --features user,item --rows 10%, or give a "
                "configuration with --config");
  }
  if (!request.strategy.empty() && !mapping::parse_strategy(request.strategy)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--strategy: \"{}\" must be one of combined, embedding, frequency, "
                            "double_hash, hash",
                            request.strategy));
  }
  std::vector<TablePlan> plans;
  std::vector<bool> planned;
  for (const FeatureSpec& feature : *features) {
    const auto same = [&](const TablePlan& plan) { return plan.name == feature.table; };
    if (std::any_of(plans.begin(), plans.end(), same)) continue;
    plans.push_back({feature.table, {}});
    planned.push_back(false);
  }
  for (const std::string& text : request.tables) {
    const auto [name, rows] = split(text);
    const auto budget = parse_row_budget(rows);
    if (!budget) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("--table: \"{}\" must be NAME=ROWS; {}",
                                                           text, budget.error().message));
    }
    const auto same = [&, wanted = name](const TablePlan& plan) { return plan.name == wanted; };
    const auto at = std::find_if(plans.begin(), plans.end(), same);
    if (at == plans.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--table: no feature feeds \"{}\"; add it to --features, as NAME={}",
                              name, name));
    }
    at->budget = *budget;
    planned[static_cast<std::size_t>(at - plans.begin())] = true;
  }
  for (std::size_t t = 0; t < plans.size(); ++t) {
    if (planned[t]) continue;
    if (request.rows.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("how many rows has table \"{}\"? Add --table {}=ROWS, or --rows for "
                              "all tables",
                              plans[t].name, plans[t].name));
    }
    const auto budget = parse_row_budget(request.rows);
    if (!budget) return fail(Error(budget.error()).with_context("--rows"));
    plans[t].budget = *budget;
  }
  return plans;
}

Result<config::Config> make_config(const BuildRequest& request, const std::vector<TablePlan>& plans,
                                   const std::vector<std::uint32_t>& rows) {
  if (!request.config_path.empty()) {
    return config::load_config(request.config_path, request.overrides);
  }
  const auto features = parse_features(request);
  if (!features) return fail(features.error());
  auto config = config::parse_config(configuration_text(*features, plans, rows, request.strategy),
                                     "the command line", request.overrides);
  if (config) return std::move(*config);
  std::string message;
  for (const config::Problem& problem : config.error()) {
    message += (message.empty() ? "" : "\n") + config::to_string(problem);
  }
  return fail(ErrorCode::kConfig, std::move(message));
}

}  // namespace remapd::cli
