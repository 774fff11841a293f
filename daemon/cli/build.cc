#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <tbb/global_control.h>

#include "connectors/files/directory_sink.h"
#include "connectors/files/durable_file.h"
#include "connectors/files/log_source.h"
#include "connectors/files/mapping_directory.h"
#include "core/base/clock.h"
#include "core/mapping/artifact_encoder.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/publish_gates.h"
#include "daemon/application/log_options.h"
#include "daemon/application/processors.h"
#include "daemon/application/publication.h"
#include "daemon/cli/build_request.h"
#include "daemon/cli/command.h"
#include "daemon/cli/distinct_ids.h"
#include "daemon/cli/format.h"
#include "daemon/cli/log_feed.h"
#include "daemon/cli/mapping_files.h"
#include "daemon/cli/mapping_report.h"
#include "daemon/cli/progress.h"

namespace remapd::cli {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Where the versions go: a mapping directory, or one artifact file.
class Output {
 public:
  virtual ~Output() = default;
  // Before anything is read, so that what cannot work fails at once.
  virtual Result<void> prepare(const std::vector<pipeline::TableConfig>& tables) = 0;
  // Version, parent and epoch to build.
  virtual pipeline::BuildRequest request(TableIndex table) const = 0;
  // Lets the engine know the version before, if there is one.
  virtual Result<void> adopt_last(TableIndex table, pipeline::Engine& engine) = 0;
  virtual Result<void> write(const pipeline::BuildOutcome& outcome, Bytes artifact,
                             std::uint64_t samples) = 0;
};

class DirectoryOutput final : public Output {
 public:
  DirectoryOutput(std::string directory, bool go_on)
      : directory_(std::move(directory)), go_on_(go_on) {}

  Result<void> prepare(const std::vector<pipeline::TableConfig>& tables) override {
    auto sink = files::DirectoryMappingSink::create(
        {.directory = directory_, .retain_versions = std::numeric_limits<std::uint32_t>::max()});
    if (!sink) return fail(std::move(sink).error());
    sink_ = std::move(*sink);
    for (const pipeline::TableConfig& table : tables) {
      if (go_on_) continue;
      const auto folder = files::table_directory(directory_, table.name);
      if (!folder) return fail(folder.error());
      std::error_code ignored;
      if (!std::filesystem::exists(*folder, ignored)) continue;
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: table {} is there already; --continue publishes its next version "
                      "(a daemon that publishes there must be stopped first), or choose "
                      "another --out",
                      directory_, table.name));
    }
    for (const pipeline::TableConfig& table : tables) {
      auto tenure = sink_->take_over(table.name, kInstance);
      if (!tenure) return fail(std::move(tenure).error());
      tenures_.push_back(std::move(*tenure));
    }
    return {};
  }

  pipeline::BuildRequest request(TableIndex table) const override {
    const mapping::Tenure& tenure = tenures_[table.value];
    return {.table = table, .version = Version{tenure.newest.value + 1}, .epoch = tenure.epoch};
  }

  Result<void> adopt_last(TableIndex table, pipeline::Engine& engine) override {
    const auto& last = tenures_[table.value].last;
    if (!last) return {};
    const auto mapping = open_mapping({directory_, last->info.table, last->info.version});
    if (!mapping) return fail(mapping.error());
    return engine.adopt(table, mapping->view);
  }

  Result<void> write(const pipeline::BuildOutcome& outcome, Bytes artifact,
                     std::uint64_t samples) override {
    // A snapshot: the engine knows of the version before only the ids it saw again, so no delta
    // leads on from it.
    application::ClientsMapping unknown;
    const auto prepared =
        application::prepare_publication(outcome, std::move(artifact), unknown, {.always = true},
                                         {.instance = kInstance, .built_samples = samples});
    return sink_->publish(prepared.publication);
  }

 private:
  static constexpr const char* kInstance = "remapd-build";

  std::string directory_;
  bool go_on_;
  std::unique_ptr<files::DirectoryMappingSink> sink_;
  std::vector<mapping::Tenure> tenures_;
};

class FileOutput final : public Output {
 public:
  explicit FileOutput(std::string path) : path_(std::move(path)) {}

  Result<void> prepare(const std::vector<pipeline::TableConfig>& tables) override {
    if (tables.size() != 1) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--artifact: a file holds one table, and there are {}; use --out "
                              "DIRECTORY for all of them",
                              tables.size()));
    }
    const auto parent = std::filesystem::absolute(path_).parent_path();
    return files::check_writable(parent);
  }
  pipeline::BuildRequest request(TableIndex table) const override {
    return {.table = table, .version = Version{1}, .epoch = Epoch{1}};
  }
  Result<void> adopt_last(TableIndex, pipeline::Engine&) override { return {}; }
  Result<void> write(const pipeline::BuildOutcome&, Bytes artifact, std::uint64_t) override {
    const std::array<ByteView, 1> parts = {artifact};
    return files::replace_file(path_, parts);
  }

 private:
  std::string path_;
};

class BuildCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    if (out.empty() == artifact.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "say where to write: --out DIRECTORY or --artifact FILE (one of them)");
    }
    const tbb::global_control bound(tbb::global_control::max_allowed_parallelism,
                                    threads > 0 ? threads : application::usable_processors());
    const auto config = configure(console);
    if (!config) return fail(config.error());
    auto engine_config = config->engine_config();
    if (!engine_config) return fail(std::move(engine_config).error());

    std::unique_ptr<Output> output;
    if (out.empty()) {
      output = std::make_unique<FileOutput>(artifact);
    } else {
      output = std::make_unique<DirectoryOutput>(out, go_on);
    }
    if (auto readable = check_logs(*config, engine_config->features); !readable) return readable;
    if (auto ready = output->prepare(config->tables); !ready) return ready;
    auto engine = pipeline::Engine::create(std::move(*engine_config));
    if (!engine) return fail(std::move(engine).error());
    const auto start = std::chrono::steady_clock::now();
    const auto counts = learn(*config, **engine, console);
    if (!counts) return fail(counts.error());
    if (auto good = check_counts(*counts, *config); !good) return good;
    const double learn_seconds = seconds_since(start);
    auto versions = build(*config, **engine, *output, console);
    if (!versions) return fail(std::move(versions).error());
    report(*counts, **engine, *versions, learn_seconds, console);
    return {};
  }

  BuildRequest request;
  std::vector<std::string> events;
  std::string out;
  std::string artifact;
  std::uint32_t passes = 1;
  std::uint32_t threads = 0;
  bool go_on = false;
  bool json = false;

 private:
  struct Built {
    mapping::MappingInfo info;
    mapping::MappingStats stats;
    std::uint64_t bytes = 0;
    double seconds = 0;
  };

  Result<config::Config> configure(Console& console) {
    std::vector<TablePlan> plans;
    if (request.config_path.empty()) {
      auto planned = plan_tables(request);
      if (!planned) return fail(std::move(planned).error());
      plans = std::move(*planned);
      if (events.empty()) {
        return fail(ErrorCode::kInvalidArgument, "say which logs to read with --events");
      }
    }
    auto rows = row_budgets(plans, console);
    if (!rows) return fail(std::move(rows).error());
    return make_config(request, plans, *rows);
  }

  // Opens each log once, so that a wrong path or feature leaves nothing behind.
  Result<void> check_logs(const config::Config& config,
                          const std::vector<pipeline::Feature>& features) const {
    if (events.empty() && config.source.kind == config::SourceKind::kKafka) return {};
    files::LogFileOptions options = application::log_options(config);
    for (const std::string& log : events.empty() ? std::vector{config.source.file.path} : events) {
      options.path = log;
      const auto source =
          files::LogSource::create(options, pipeline::FeatureSchema(features), nullptr);
      if (!source) return fail(source.error());
    }
    return {};
  }

  // Rows of each plan; shares of the distinct ids are found out by reading the logs once.
  Result<std::vector<std::uint32_t>> row_budgets(const std::vector<TablePlan>& plans,
                                                 Console& console) {
    std::vector<std::uint32_t> rows;
    for (const TablePlan& plan : plans) rows.push_back(plan.budget.share ? 1 : plan.budget.rows);
    const bool counted = std::any_of(plans.begin(), plans.end(), [](const TablePlan& plan) {
      return plan.budget.share.has_value();
    });
    if (!counted) return rows;
    const auto config = make_config(request, plans, rows);
    if (!config) return fail(config.error());
    const auto engine_config = config->engine_config();
    if (!engine_config) return fail(engine_config.error());
    const pipeline::FeatureSchema schema(engine_config->features);
    std::vector<DistinctIds> distinct(plans.size());
    const auto count = [&](const pipeline::EventBatch& batch) {
      for (std::uint32_t f = 0; f < schema.size(); ++f) {
        DistinctIds& of_table = distinct[schema.feature(FeatureIndex{f}).table.value];
        for (const Id id : batch.values(FeatureIndex{f})) of_table.add(id);
      }
    };
    const auto read = feed_events(events, *config, application::log_options(*config), schema,
                                  "counting ids of", console, count);
    if (!read) return fail(read.error());
    for (std::size_t t = 0; t < plans.size(); ++t) {
      if (plans[t].budget.share) rows[t] = distinct[t].rows(*plans[t].budget.share);
    }
    return rows;
  }

  Result<FeedCounts> learn(const config::Config& config, pipeline::Engine& engine,
                           Console& console) {
    FeedCounts counts;
    for (std::uint32_t pass = 0; pass < passes; ++pass) {
      const std::string what =
          passes == 1 ? "reading" : fmt::format("pass {} of {}:", pass + 1, passes);
      auto read =
          feed_events(events, config, application::log_options(config), engine.schema(), what,
                      console, [&](const pipeline::EventBatch& batch) { engine.ingest(batch); });
      if (!read) return read;
      if (pass == 0) counts = std::move(*read);
    }
    engine.flush();
    return counts;
  }

  Result<std::vector<Built>> build(const config::Config& config, pipeline::Engine& engine,
                                   Output& output, Console& console) {
    std::vector<Built> versions;
    Progress progress(console, "building");
    for (std::uint32_t t = 0; t < config.tables.size(); ++t) {
      const auto start = std::chrono::steady_clock::now();
      progress.update(static_cast<double>(t) / static_cast<double>(config.tables.size()),
                      config.tables[t].name);
      if (auto adopted = output.adopt_last(TableIndex{t}, engine); !adopted) {
        return fail(std::move(adopted).error());
      }
      pipeline::BuildRequest wanted = output.request(TableIndex{t});
      wanted.built_ms = unix_ms(SystemClock().wall_time());
      auto job = engine.begin_build(wanted);
      const pipeline::BuildOutcome outcome = pipeline::run_build(std::move(job));
      Bytes bytes = mapping::encode_artifact(outcome.mapping, outcome.artifact);
      // Gates are for those who publish unattended; that the artifact is right holds for all.
      if (const std::string wrong = pipeline::self_check(outcome.mapping, bytes); !wrong.empty()) {
        return fail(ErrorCode::kCorrupt,
                    fmt::format("table {}: the self-check failed, nothing was written: {}",
                                config.tables[t].name, wrong));
      }
      Built built{.info = outcome.mapping.info,
                  .stats = outcome.mapping.stats,
                  .bytes = bytes.size(),
                  .seconds = 0};
      if (auto written = output.write(outcome, std::move(bytes), engine.samples()); !written) {
        return fail(std::move(written).error());
      }
      built.seconds = seconds_since(start);
      versions.push_back(std::move(built));
    }
    return versions;
  }

  void report(const FeedCounts& counts, const pipeline::Engine& engine,
              const std::vector<Built>& versions, double learn_seconds, Console& console) const {
    const pipeline::EngineStats stats = engine.stats();
    const std::string& place = out.empty() ? artifact : out;
    if (json) {
      nlohmann::ordered_json tables = nlohmann::ordered_json::array();
      for (std::size_t t = 0; t < versions.size(); ++t) {
        Facts facts;
        add_info(versions[t].info, facts);
        add_stats(versions[t].stats, facts);
        facts.add_json("learner", stats.tables[t].learner);
        facts.add_json("distinct_ids", std::llround(stats.tables[t].distinct_ids));
        facts.add_json("bytes", versions[t].bytes);
        facts.add_json("build_seconds", versions[t].seconds);
        tables.push_back(facts.json());
      }
      console.out << nlohmann::ordered_json{{"written_to", place},
                                            {"samples", counts.samples},
                                            {"labelled_samples", counts.labelled},
                                            {"ids", counts.ids},
                                            {"rejected_records", counts.rejected},
                                            {"learn_seconds", learn_seconds},
                                            {"tables", tables}}
                         .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                  << "\n";
      return;
    }
    console.out << fmt::format("read {}, {} labelled, with {} in {}{}\n",
                               count_of(counts.samples, "sample"), format_count(counts.labelled),
                               count_of(counts.ids, "id"), format_seconds(learn_seconds),
                               passes > 1 ? fmt::format(", {} times over", passes) : "");
    if (counts.rejected > 0) {
      console.out << count_of(counts.rejected, "record") << " could not be read:\n";
      for (const std::string& note : counts.reject_notes) console.out << "  " << note << "\n";
      if (counts.rejected > counts.reject_notes.size()) console.out << "  ...\n";
    }
    TextTable table = version_table();
    for (const Built& built : versions)
      add_version_row(built.info, built.stats, built.bytes, table);
    console.out << "\n" << table.to_string() << "\n";
    for (const pipeline::TableStats& of_table : stats.tables) {
      console.out << of_table.name << ": learned by " << of_table.learner << " ("
                  << of_table.learner_reason << ")\n";
    }
    console.out << "written to " << place << "\n";
  }
};

}  // namespace

AddedCommand add_build(CLI::App& parent) {
  auto command = std::make_unique<BuildCommand>();
  CLI::App* const app =
      parent.add_subcommand("build", "Build mappings from recorded event logs, once");
  app->add_option(
      "--events", command->events,
      "Event logs, read in this order: files, directories or patterns; TSV, CSV, NDJSON "
      "or protobuf, plain, gzip or zstd. Without it, the configuration's log or what its "
      "topics hold");
  app->add_option("--features", command->request.features,
                  "Features (columns) to map: NAME, or NAME=TABLE where several features share a "
                  "table")
      ->delimiter(',');
  app->add_option("--rows", command->request.rows,
                  "Row budget of each table: a number, or a share of its distinct ids such as 10% "
                  "(tables of at most 1,000 ids then get a row for each id)");
  app->add_option("--table", command->request.tables,
                  "Row budget of one table, as NAME=ROWS; may be repeated");
  app->add_option(
      "--strategy", command->request.strategy,
      "How ids are placed: combined (default), embedding, frequency, double_hash, hash");
  auto* const config = app->add_option(
      "-c,--config", command->request.config_path,
      "A configuration file of the daemon: tables, features and settings are taken from it");
  for (const char* other : {"--features", "--rows", "--table", "--strategy"}) {
    config->excludes(app->get_option(other));
  }
  app->add_option("--set", command->request.overrides,
                  "Set a configuration key, as in --set learning.seed=7; may be repeated");
  app->add_option("-o,--out", command->out,
                  "Write a mapping directory, as the daemon does; trainers can follow it");
  app->add_option("--artifact", command->artifact, "Write one artifact file (a single table)");
  app->add_flag("--continue", command->go_on,
                "Publish the next version into a mapping directory that has versions already: rows "
                "stay where they were as far as possible, and there is a migration plan");
  app->add_option("--passes", command->passes, "How often the logs are read")
      ->check(CLI::Range(1, 1000));
  app->add_option("--threads", command->threads,
                  "Threads that learn and build; 0: one for each processor that the process may "
                  "use. Results do not depend on it");
  app->add_flag("--json", command->json, "Statistics as JSON");
  app->footer(
      "The same engine as the daemon's, with one version at the end of the logs. Gates are not\n"
      "applied, except that every id must look up to the row that was chosen for it.\n"
      "\n"
      "Examples:\n"
      "  remapd build --events clicks.tsv.gz --features user,item --rows 10% --out mappings\n"
      "  remapd build --events a.ndjson b.ndjson --features viewed=item,bought=item \\\n"
      "      --table item=50000 --artifact item.remap\n"
      "  remapd build --config /etc/remapd/remapd.toml --events today.tsv.gz --out mappings \\\n"
      "      --continue");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
