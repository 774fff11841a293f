#include <algorithm>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/pipeline/memory_plan.h"
#include "daemon/cli/command.h"
#include "daemon/cli/existing_state.h"
#include "daemon/cli/format.h"
#include "daemon/cli/reachability.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/config_text.h"
#include "daemon/config/risks.h"
#include "daemon/logging/logger.h"

namespace remapd::cli {
namespace {

class CheckConfigCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    if (print_default) {
      console.out << config::reference_text();
      return {};
    }
    if (config_path.empty()) {
      return fail(ErrorCode::kInvalidArgument, "say which file to check with --config");
    }
    const auto config = config::load_config(config_path, overrides);
    if (!config) {
      Error error = config.error();
      if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kConfig;
      return fail(std::move(error));
    }
    if (print) {
      console.out << config::to_toml(*config);
      return {};
    }
    for (const std::string& risk : config::risks_of(*config)) {
      console.out << "warning: " << risk << "\n";
    }
    if (const auto engine = config->engine_config()) {
      const pipeline::MemoryPlan plan = pipeline::memory_plan(*engine);
      console.out << fmt::format(
          "memory: statistics take {} when all {} ids are tracked, {:.0f} "
          "bytes each; a build takes up to {} more while it runs\n",
          format_bytes(plan.bytes), format_count(plan.slots), plan.bytes_per_tracked_id,
          format_bytes(plan.build_bytes));
    }
    if (!offline) {
      if (auto reached = reach_all(*config, console); !reached) return reached;
    }
    console.out << fmt::format("{}: {}, {}: no problem found\n", config_path,
                               count_of(config->tables.size(), "table"),
                               count_of(config->features.size(), "feature"));
    return {};
  }

  std::string config_path;
  std::vector<std::string> overrides;
  bool offline = false;
  bool print = false;
  bool print_default = false;

 private:
  static Result<void> reach_all(const config::Config& config, Console& console) {
    logging::Logger log({.level = config::LogLevel::kError});
    std::vector<Finding> findings = reach(config, log);
    std::ranges::move(fits_existing_state(config), std::back_inserter(findings));
    std::size_t bad = 0;
    ErrorCode worst = ErrorCode::kUnavailable;
    for (const Finding& finding : findings) {
      if (finding.result) {
        console.out << (finding.note.empty() ? "ok       " : "note     ") << finding.what
                    << (finding.note.empty() ? "" : ": ") << finding.note << "\n";
        continue;
      }
      ++bad;
      if (!finding.result.error().retryable) worst = ErrorCode::kConfig;
      console.out << "problem  " << finding.what << ": " << finding.result.error().message << "\n";
    }
    if (bad == 0) return {};
    return fail(worst, fmt::format("{} of {} that the configuration names cannot be used with it "
                                   "from here",
                                   bad, findings.size()));
  }
};

}  // namespace

AddedCommand add_check_config(CLI::App& parent) {
  auto command = std::make_unique<CheckConfigCommand>();
  CLI::App* const app = parent.add_subcommand(
      "check-config",
      "Check a configuration, whether what it names can be reached, and whether it fits "
      "the checkpoint and versions that are there");
  app->add_option("-c,--config", command->config_path, "The configuration file");
  app->add_option("--set", command->overrides,
                  "Set a configuration key over the file; may be repeated");
  app->add_flag("--offline", command->offline,
                "The file alone: open no log, ask no broker, look at no directory");
  app->add_flag("--print", command->print, "Print every key with its value in force, as TOML");
  app->add_flag("--print-default", command->print_default,
                "Print every key with its meaning, bounds and default: a file to start from");
  app->footer(
      "Problems stand at file:line:column and name what to change; exit code 78. Warnings are "
      "about\n"
      "what works but should be thought about. A broker that does not answer is exit code 75.\n"
      "Nothing is created or changed.\n"
      "\n"
      "Examples:\n"
      "  remapd check-config --config /etc/remapd/remapd.toml\n"
      "  remapd check-config --print-default > remapd.toml");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
