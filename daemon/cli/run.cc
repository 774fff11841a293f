#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/pipeline/failpoints.h"
#include "core/pipeline/feature_schema.h"
#include "daemon/admin/endpoints.h"
#include "daemon/admin/server.h"
#include "daemon/application/application.h"
#include "daemon/application/ports.h"
#include "daemon/cli/command.h"
#include "daemon/cli/exit_code.h"
#include "daemon/cli/version.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/risks.h"
#include "daemon/logging/logger.h"
#include "daemon/service/exit_guard.h"
#include "daemon/service/notifier.h"
#include "daemon/service/signals.h"
#include "daemon/service/supervisor.h"

namespace remapd::cli {
namespace {

// For connections to close once everything is saved.
constexpr std::chrono::seconds kPatienceAtExit{10};

class RunCommand final : public Command {
 public:
  Result<void> run(Console&) override {
    service::Signals signals;  // before any thread
    auto config = load();
    if (!config) return fail(std::move(config).error());
    logging::Logger log({.level = config->log.level,
                         .format = config->log.format,
                         .journal_prefix = logging::stderr_is_journal()});
    log.info("starting", {{"version", version_line()},
                          {"instance", config->instance.name},
                          {"config", config_path}});
    for (const std::string& risk : config::risks_of(*config)) {
      log.warning("configuration", {{"risk", risk}});
    }
    if (const char* failpoints = std::getenv("REMAPD_FAILPOINTS"); failpoints != nullptr) {
      if (auto armed = arm_failpoints(failpoints, pipeline::failpoints::kAll); !armed) return armed;
      log.warning("failpoints are armed: this process will fail on purpose",
                  {{"REMAPD_FAILPOINTS", failpoints}});
    }
    auto end = serve(*config, signals, log);
    if (end) return {};
    // For the service manager: a restart would end in the same way.
    if (end.error().code == ErrorCode::kConflict) end.error().code = ErrorCode::kConfig;
    return end;
  }

  std::string config_path;
  std::vector<std::string> overrides;

 private:
  Result<config::Config> load() const {
    auto config = config::load_config(config_path, overrides);
    if (!config && config.error().code == ErrorCode::kNotFound) {
      config.error().code = ErrorCode::kConfig;
    }
    return config;
  }

  Result<void> serve(const config::Config& config, service::Signals& signals,
                     logging::Logger& log) const {
    const SystemClock clock;
    service::ExitGuard guard;  // outlives what it guards against
    const auto engine_config = config.engine_config();
    if (!engine_config) return fail(engine_config.error());
    auto ports = application::open_ports(config, pipeline::FeatureSchema(engine_config->features),
                                         log, clock);
    if (!ports) return fail(std::move(ports).error());
    auto application = application::Application::create(config, std::move(*ports), log, clock);
    if (!application) return fail(std::move(application).error());
    std::unique_ptr<admin::AdminServer> admin_server;  // up before the start, down after the end
    if (!config.admin.listen.empty()) {
      auto server = admin::AdminServer::create(config.admin,
                                               admin::endpoints(**application, config.admin), log);
      if (!server) return fail(std::move(server).error());
      admin_server = std::move(*server);
      admin_server->start();
      log.info("admin server", {{"listen", config.admin.listen}, {"port", admin_server->port()}});
    }
    const service::Notifier notifier;
    (*application)->start();
    auto end = service::Supervisor({.application = **application,
                                    .signals = signals,
                                    .notifier = notifier,
                                    .log = log,
                                    .clock = clock,
                                    .reload_files =
                                        [&] {
                                          if (admin_server) admin_server->reload();
                                        }},
                                   config, [this] { return load(); })
                   .run();
    guard.arm(kPatienceAtExit, [&log, code = end ? ExitCode::kOk : exit_code(end.error())] {
      log.warning("connections are not closing, leaving them: everything is saved");
      std::_Exit(static_cast<int>(code));
    });
    return end;
  }
};

}  // namespace

AddedCommand add_run(CLI::App& parent) {
  auto command = std::make_unique<RunCommand>();
  CLI::App* const app = parent.add_subcommand(
      "run", "Run the daemon: events in, mapping versions out, until stopped");
  app->add_option("-c,--config", command->config_path, "The configuration file")->required();
  app->add_option("--set", command->overrides,
                  "Set a configuration key over the file, as in --set log.level=debug; may be "
                  "repeated");
  app->footer(
      "Signals: SIGTERM and SIGINT stop it (what is in flight is published, state is saved); a\n"
      "second one makes it hurry. SIGHUP reads the configuration again: keys marked \"Applied on\n"
      "reload\" in remapd.toml take effect, others are named in the log. Log lines go to standard\n"
      "error. Under systemd use Type=notify; the watchdog is fed only while the pipeline moves.\n"
      "\n"
      "It exits with 0 after a stop, or at the end of a recorded log; with 78 when the\n"
      "configuration must be changed or another instance has taken over: a restart would not "
      "help.\n"
      "\n"
      "Examples:\n"
      "  remapd run --config /etc/remapd/remapd.toml\n"
      "  remapd run --config configs/development.toml --set source.file.path=events.tsv.gz");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
