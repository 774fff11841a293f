#include "daemon/application/application.h"

#include <csignal>
#include <new>
#include <utility>

#include <tbb/global_control.h>

#include "core/pipeline/engine.h"
#include "daemon/application/pipeline.h"
#include "daemon/application/processors.h"

namespace remapd::application {
namespace {

Pipeline::LiveSettings live_settings(const config::Config& config) {
  return {.stop_timeout = config.instance.stop_timeout,
          .checkpoint_interval = config.checkpoint.interval,
          .publish = {.interval = config.publish.interval,
                      .min_interval = config.publish.min_interval,
                      .cpu_share = config.publish.cpu_share,
                      .snapshot_share = config.sink.snapshot_share,
                      .gates = {.min_samples = config.publish.gates.min_samples,
                                .max_churn = config.publish.gates.max_churn}}};
}

std::size_t threads_of(const config::Config& config) {
  return config.threads.compute > 0 ? config.threads.compute : usable_processors();
}

Pipeline::Options pipeline_options(const config::Config& config) {
  const bool finite = config.source.kind == config::SourceKind::kFile;
  return {.instance = config.instance.name,
          .schedule = config.schedule(),
          .wait_for_publish = config.waits_for_publish(),
          .build_threads = threads_of(config),
          .keep_versions = config.admin.keep_versions,
          .stop_at_end = finite && config.source.file.at_end == config::AtEnd::kStop,
          .label_wanted_by = label_wanted_by(config),
          .live = live_settings(config)};
}

Result<std::unique_ptr<pipeline::Engine>> make_engine(const config::Config& config) {
  auto engine_config = config.engine_config();
  if (!engine_config) return fail(std::move(engine_config).error());
  try {
    return pipeline::Engine::create(std::move(*engine_config));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kResource,
                "not enough memory for the tables: lower max_tracked_ids in [[table]]");
  }
}

}  // namespace

class Application::Parts {
 public:
  Parts(const config::Config& config, std::unique_ptr<pipeline::Engine> engine, Ports ports,
        StatusBoard& board, logging::Logger& logger, const Clock& clock)
      : log(logger),
        threads(tbb::global_control::max_allowed_parallelism, threads_of(config)),
        pipeline(pipeline_options(config), std::move(engine), std::move(ports), board, logger,
                 clock) {
    for (const pipeline::TableConfig& table : config.tables) tables.push_back(table.name);
  }

  Result<TableIndex> find(std::string_view name) const {
    std::string known;
    for (std::uint32_t t = 0; t < tables.size(); ++t) {
      if (tables[t] == name) return TableIndex{t};
      known += (known.empty() ? "" : ", ") + tables[t];
    }
    return fail(ErrorCode::kNotFound,
                "there is no table \"" + std::string(name) + "\"; there are: " + known);
  }

  // What is asked of one table.
  template <class T, class Work>
  void ask(std::string_view name, Answer<T> answer, Work work) {
    const auto table = find(name);
    if (!table) return answer(fail(table.error()));
    pipeline.ask<T>(
        std::move(answer),
        [work, table = *table](Publisher& publisher, const pipeline::Engine& engine, Answer<T> to) {
          work(publisher, engine, table, std::move(to));
        });
  }

  logging::Logger& log;
  std::vector<std::string> tables;
  tbb::global_control threads;
  Pipeline pipeline;
};

Application::Application() = default;
Application::~Application() = default;

Result<std::unique_ptr<Application>> Application::create(const config::Config& config, Ports ports,
                                                         logging::Logger& log, const Clock& clock) {
  std::signal(SIGXFSZ, SIG_IGN);
  auto engine = make_engine(config);
  if (!engine) return fail(std::move(engine).error());
  std::unique_ptr<Application> application(new Application);
  application->parts_ = std::make_unique<Parts>(config, std::move(*engine), std::move(ports),
                                                application->board_, log, clock);
  return application;
}

void Application::start() {
  parts_->pipeline.start();
}

void Application::request_stop() {
  parts_->pipeline.request_stop();
}

void Application::hurry() {
  parts_->pipeline.hurry();
}

Result<void> Application::join() {
  return parts_->pipeline.join();
}

bool Application::finished() const {
  return parts_->pipeline.finished();
}

std::uint64_t Application::beats() const {
  return parts_->pipeline.beats();
}

const VersionShelf& Application::versions() const {
  return parts_->pipeline.versions();
}

void Application::apply(const config::Config& config) {
  parts_->log.set_level(config.log.level);
  parts_->pipeline.apply(live_settings(config));
}

void Application::set_log_level(config::LogLevel level) {
  parts_->log.set_level(level);
}

void Application::publish_now(std::string_view table, Answer<Version> answer) {
  parts_->ask<Version>(table, std::move(answer),
                       [](Publisher& publisher, const pipeline::Engine&, TableIndex index,
                          Answer<Version> to) { publisher.publish_now(index, std::move(to)); });
}

void Application::freeze(std::string_view table, Answer<void> answer) {
  parts_->ask<void>(
      table, std::move(answer),
      [](Publisher& publisher, const pipeline::Engine&, TableIndex index, const Answer<void>& to) {
        publisher.freeze(index, true);
        to({});
      });
}

void Application::unfreeze(std::string_view table, Answer<void> answer) {
  parts_->ask<void>(
      table, std::move(answer),
      [](Publisher& publisher, const pipeline::Engine&, TableIndex index, const Answer<void>& to) {
        publisher.freeze(index, false);
        to({});
      });
}

void Application::roll_back(std::string_view table, Version to_version, Answer<Version> answer) {
  parts_->ask<Version>(
      table, std::move(answer),
      [to_version](Publisher& publisher, const pipeline::Engine&, TableIndex index,
                   Answer<Version> to) { publisher.roll_back(index, to_version, std::move(to)); });
}

void Application::lookup(std::string_view table, Id id, std::size_t row_mates,
                         Answer<IdReport> answer) {
  parts_->ask<IdReport>(
      table, std::move(answer),
      [id, row_mates](Publisher&, const pipeline::Engine& engine, TableIndex index,
                      const Answer<IdReport>& to) {
        IdReport report{.version = kNoVersion, .id = engine.id_stats(index, id), .row_mates = {}};
        if (const auto incumbent = engine.incumbent(index)) {
          report.version = incumbent->info.version;
          // One more than asked for: the id itself may be among them.
          report.row_mates = engine.sharing_row(index, report.id.row, row_mates + 1);
          std::erase_if(report.row_mates, [&](const auto& mate) { return mate.id == id; });
          if (report.row_mates.size() > row_mates) report.row_mates.resize(row_mates);
        }
        to(std::move(report));
      });
}

void Application::heaviest(std::string_view table, std::size_t count, pipeline::RowRole role,
                           Answer<std::vector<pipeline::IdStats>> answer) {
  using Ids = std::vector<pipeline::IdStats>;
  parts_->ask<Ids>(
      table, std::move(answer),
      [count, role](Publisher&, const pipeline::Engine& engine, TableIndex index,
                    const Answer<Ids>& to) { to(engine.heaviest(index, count, role)); });
}

void Application::sharing_row(std::string_view table, Row row, std::size_t count,
                              Answer<std::vector<pipeline::IdStats>> answer) {
  using Ids = std::vector<pipeline::IdStats>;
  parts_->ask<Ids>(
      table, std::move(answer),
      [row, count](Publisher&, const pipeline::Engine& engine, TableIndex index,
                   const Answer<Ids>& to) { to(engine.sharing_row(index, row, count)); });
}

}  // namespace remapd::application
