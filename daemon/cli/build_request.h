// What "remapd build" is asked for on the command line, as the configuration the daemon would have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "daemon/config/config.h"

namespace remapd::cli {

// "10%" or "0.1" of the distinct ids, or a number of rows.
struct RowBudget {
  std::optional<double> share;
  std::uint32_t rows = 0;
};
// kInvalidArgument.
Result<RowBudget> parse_row_budget(std::string_view text);

struct BuildRequest {
  std::string config_path;             // empty: tables and features are given here
  std::vector<std::string> overrides;  // "key=value"
  std::vector<std::string> features;   // "name" or "name=table"; empty: one for each table
  std::vector<std::string> tables;     // "name=rows"
  std::string rows;                    // row budget of tables without one; may be empty
  std::string strategy;                // of all tables; empty: the default
};

struct TablePlan {
  std::string name;
  RowBudget budget;
};
// The tables that the command line names, in the order of the features. kInvalidArgument names the
// flag to change.
Result<std::vector<TablePlan>> plan_tables(const BuildRequest& request);

// The configuration: of the file, or of the command line with `rows` for each planned table.
// kInvalidArgument, kConfig, kNotFound, kIo.
Result<config::Config> make_config(const BuildRequest& request, const std::vector<TablePlan>& plans,
                                   const std::vector<std::uint32_t>& rows);

}  // namespace remapd::cli
