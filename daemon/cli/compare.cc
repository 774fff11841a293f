#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <ostream>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <tbb/global_control.h>

#include "core/mapping/strategy.h"
#include "daemon/application/log_options.h"
#include "daemon/application/processors.h"
#include "daemon/cli/build_request.h"
#include "daemon/cli/command.h"
#include "daemon/cli/comparison.h"
#include "daemon/cli/format.h"
#include "daemon/cli/log_feed.h"
#include "daemon/cli/progress.h"
#include "evaluation/event_log.h"
#include "evaluation/metrics.h"
#include "evaluation/online_mapper.h"
#include "evaluation/side_by_side.h"

namespace remapd::cli {
namespace {

constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kStrategies = "full, hash, double_hash, frequency, embedding, combined";

// One of those that run: which strategy at which budget.
struct Contender {
  std::string name;
  std::optional<std::size_t> budget;  // none: the full table
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Result<double> parse_share(const std::string& text, const char* option, const char* what) {
  const auto refuse = [&] {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"{}\" must be {}", option, text, what));
  };
  const auto budget = parse_row_budget(text);
  if (!budget || !budget->share) return refuse();
  return *budget->share;
}

class CompareCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    if (auto ok = check_strategies(); !ok) return ok;
    const auto wanted = parse_shares();
    if (!wanted) return fail(wanted.error());
    const auto limit =
        parse_share(within, "--within", "a share such as 0.5% or 0.005, up to 100 %");
    if (!limit) return fail(limit.error());
    const tbb::global_control bound(tbb::global_control::max_allowed_parallelism,
                                    threads > 0 ? threads : application::usable_processors());

    const auto start = std::chrono::steady_clock::now();
    Comparison comparison;
    comparison.dimension = dimension;
    comparison.within = *limit;
    const auto config = configure(comparison);
    if (!config) return fail(config.error());
    auto engine = config->engine_config();
    if (!engine) return fail(std::move(engine).error());
    const auto log = read(*config, *engine, comparison, console);
    if (!log) return fail(log.error());
    const auto drawn_for = choose_negatives(*log, comparison);
    if (!drawn_for) return fail(drawn_for.error());
    const auto budgets = plan_budgets(*log, *config, *engine, *wanted, comparison);
    if (!budgets.empty()) {
      if (auto measured = measure(*log, *config, *engine, budgets, *drawn_for, comparison, console);
          !measured) {
        return measured;
      }
    }
    comparison.seconds = seconds_since(start);
    console.out << (json ? to_json(comparison) : to_text(comparison));
    return {};
  }

  BuildRequest request;
  std::vector<std::string> events;
  std::string label;
  std::string negatives;
  std::vector<std::string> rows{"2%", "10%", "25%"};
  std::vector<std::string> strategies{"full", "hash", "frequency", "combined"};
  std::uint64_t samples = 0;
  std::string within = "0.5%";
  std::uint32_t dimension = 64;
  std::uint32_t threads = 0;
  bool json = false;

 private:
  using Budgets = std::vector<std::vector<evaluation::TableBudget>>;

  Result<void> check_strategies() {
    std::set<std::string> seen;
    std::vector<std::string> once;
    for (const std::string& name : strategies) {
      if (name != "full" && !mapping::parse_strategy(name)) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("--strategies: \"{}\" is not one of {}", name, kStrategies));
      }
      if (seen.insert(name).second) once.push_back(name);
    }
    // The others are told against these.
    const auto turn = [](const std::string& name) {
      return name == "full" ? 0 : name == "hash" ? 1 : 2;
    };
    std::stable_sort(once.begin(), once.end(),
                     [&](const auto& a, const auto& b) { return turn(a) < turn(b); });
    strategies = std::move(once);
    return {};
  }

  Result<std::vector<double>> parse_shares() const {
    std::set<double> shares;
    for (const std::string& text : rows) {
      const auto share =
          parse_share(text, "--rows", "a share of the distinct ids, up to 100 % (10% or 0.1)");
      if (!share) return fail(share.error());
      shares.insert(*share);
    }
    return std::vector(shares.begin(), shares.end());
  }

  Result<config::Config> configure(Comparison& comparison) {
    std::vector<TablePlan> plans;
    std::vector<std::uint32_t> table_rows;
    if (request.config_path.empty()) {
      for (const std::string& feature : request.features) {
        if (feature.find('=') == std::string::npos) continue;
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("--features: \"{}\" must be a name: compare gives each feature a "
                                "table of its own",
                                feature));
      }
      if (request.features.empty()) {
        return fail(ErrorCode::kInvalidArgument,
                    "say which features to compare on, as in --features user,item, or give a "
                    "configuration with --config");
      }
      if (events.empty()) {
        return fail(ErrorCode::kInvalidArgument, "say which logs to read with --events");
      }
      BuildRequest sized = request;
      sized.rows = "1";  // what the log's ids ask for is only known when it has been read
      auto planned = plan_tables(sized);
      if (!planned) return fail(std::move(planned).error());
      plans = std::move(*planned);
      table_rows.assign(plans.size(), 1);
    }
    auto config = make_config(request, plans, table_rows);
    if (!config) return config;
    if (!label.empty()) config->source.file.label_column = label;
    if (config->features.size() < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  "two features or more are needed: the model predicts from their combination");
    }
    if (config->features.size() > config->tables.size()) {
      comparison.notes.emplace_back(
          "features that share a table in the configuration have one each here");
    }
    return config;
  }

  Result<evaluation::EventLog> read(const config::Config& config,
                                    const pipeline::EngineConfig& engine, Comparison& comparison,
                                    Console& console) const {
    std::vector<std::string> names;
    for (const pipeline::Feature& feature : engine.features) names.push_back(feature.name);
    const std::uint64_t at_most = samples > 0 ? samples : std::numeric_limits<std::uint64_t>::max();
    files::LogFileOptions options = application::log_options(config);
    // A label column that was asked for by name is an error if it is not there.
    if (!label.empty()) options.tsv.labels = files::LabelUse::kRequired;
    evaluation::EventLog::Builder builder(names);
    auto counts = feed_events(
        events, config, options, pipeline::FeatureSchema(engine.features), "reading", console,
        [&](const pipeline::EventBatch& batch) {
          builder.add(batch, static_cast<std::size_t>(at_most - builder.samples()));
        },
        at_most);
    if (!counts) return fail(std::move(counts).error());
    if (auto good = check_counts(*counts, config); !good) return fail(std::move(good).error());
    comparison.read = std::move(*counts);
    comparison.samples = builder.samples();
    evaluation::EventLog log = std::move(builder).finish();
    for (std::uint32_t f = 0; f < log.features(); ++f) {
      comparison.features.push_back({log.name(FeatureIndex{f}), log.distinct(FeatureIndex{f})});
    }
    return log;
  }

  // The feature that negatives are drawn for; none where the log's labels are predicted.
  Result<std::optional<FeatureIndex>> choose_negatives(const evaluation::EventLog& log,
                                                       Comparison& comparison) const {
    std::optional<FeatureIndex> chosen;
    if (!negatives.empty()) {
      for (std::uint32_t f = 0; f < log.features(); ++f) {
        if (log.name(FeatureIndex{f}) == negatives) chosen = FeatureIndex{f};
      }
      if (!chosen) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("--negatives: \"{}\" is not one of the features", negatives));
      }
      comparison.negatives = negatives;
      return chosen;
    }
    bool positive = false;
    bool negative = false;
    for (std::size_t i = 0; i < log.samples(); ++i) {
      const float value = log.label(i);
      positive = positive || value > 0.5f;
      negative = negative || value <= 0.5f;
    }
    if (positive && negative) return chosen;
    // Who acts is named first, as a rule; what was chosen, among those after it.
    chosen = FeatureIndex{1};
    for (std::uint32_t f = 2; f < log.features(); ++f) {
      if (log.distinct(FeatureIndex{f}) > log.distinct(*chosen)) chosen = FeatureIndex{f};
    }
    comparison.negatives = log.name(*chosen);
    comparison.notes.push_back(fmt::format(
        "{}: after each sample, as a negative, it is repeated with {} of one of the last {} "
        "samples; --negatives chooses another feature",
        log.labelled() ? "all labels are alike" : "the log has no labels", comparison.negatives,
        format_count(evaluation::kNegativeWindow)));
    return chosen;
  }

  // Budgets under which some feature shares rows; none: there is nothing to compare.
  Budgets plan_budgets(const evaluation::EventLog& log, const config::Config& config,
                       const pipeline::EngineConfig& engine, const std::vector<double>& shares,
                       Comparison& comparison) const {
    Budgets all;
    const auto add = [&](std::string name, std::optional<double> share,
                         std::vector<evaluation::TableBudget> budget) {
      const bool shares_rows =
          std::any_of(budget.begin(), budget.end(), [](const auto& table) { return table.mapped; });
      if (!shares_rows) return;
      ComparedBudget told{std::move(name), share, {}};
      for (const evaluation::TableBudget& table : budget) told.rows.push_back(table.rows);
      comparison.budgets.push_back(std::move(told));
      all.push_back(std::move(budget));
    };
    for (const double share : shares) {
      add(fmt::format("{:g} %", share * 100), share,
          evaluation::table_budgets(log, log.features(), share));
    }
    if (!request.config_path.empty()) {
      std::vector<evaluation::TableBudget> budget;
      for (std::uint32_t f = 0; f < log.features(); ++f) {
        const std::uint32_t configured = config.tables[engine.features[f].table.value].rows;
        const std::uint32_t ids = log.distinct(FeatureIndex{f});
        budget.push_back(configured < ids ? evaluation::TableBudget{configured, true}
                                          : evaluation::TableBudget{std::max(ids, 1u), false});
      }
      add("configured", std::nullopt, std::move(budget));
    }
    if (all.empty()) {
      comparison.notes.push_back(fmt::format(
          "no feature has more than {} ids: a row for each costs next to nothing, and there is "
          "nothing to compare",
          format_count(evaluation::kUnmappedIds)));
    }
    return all;
  }

  static evaluation::MapperSettings settings_of(const config::Config& config,
                                                const pipeline::EngineConfig& engine) {
    evaluation::MapperSettings settings;
    settings.engine = engine;
    settings.schedule = config.schedule();
    for (const pipeline::Feature& feature : engine.features) {
      settings.tables.push_back(engine.tables[feature.table.value]);
    }
    return settings;
  }

  Result<void> measure(const evaluation::EventLog& log, const config::Config& config,
                       const pipeline::EngineConfig& engine, const Budgets& budgets,
                       std::optional<FeatureIndex> drawn_for, Comparison& comparison,
                       Console& console) const {
    const evaluation::PrequentialOptions protocol{.negatives = drawn_for, .seed = engine.seed};
    const evaluation::MapperSettings settings = settings_of(config, engine);
    std::vector<Contender> contenders;
    std::vector<evaluation::Prequential> runs;
    if (strategies.front() == "full") {
      contenders.push_back({"full", std::nullopt});
      runs.emplace_back(log, evaluation::full_table(log), protocol);
    }
    for (std::size_t b = 0; b < budgets.size(); ++b) {
      for (const std::string& name : strategies) {
        if (name == "full") continue;
        contenders.push_back({name, b});
        if (name == "hash") {  // never moves, so it needs no engine
          runs.emplace_back(log, evaluation::hashed_tables(log, budgets[b], engine.seed), protocol);
          continue;
        }
        auto mapper = evaluation::OnlineMapper::create(
            log, budgets[b], *mapping::parse_strategy(name), settings, engine.seed);
        if (!mapper) return fail(std::move(mapper).error());
        runs.emplace_back(log, std::move(*mapper), protocol);
      }
    }
    Progress progress(console, fmt::format("comparing {}", count_of(runs.size(), "contender")));
    const std::string detail = count_of(runs.front().samples(), "sample");
    progress.update(0, detail);
    evaluation::run_side_by_side(runs, [&](double done) { progress.update(done, detail); });
    summarise(contenders, runs, comparison);
    return {};
  }

  static void summarise(const std::vector<Contender>& contenders,
                        const std::vector<evaluation::Prequential>& runs, Comparison& comparison) {
    const std::span<const float> labels = runs.front().labels();
    comparison.evaluated = labels.size();
    double positives = 0;
    for (const float value : labels) positives += value > 0.5f;
    comparison.positive_share = positives / static_cast<double>(labels.size());

    const evaluation::Prequential* full = nullptr;
    double full_loss = kNotKnown;
    double full_ne = kNotKnown;
    double hash_ne = kNotKnown;  // at the budget at hand
    std::vector<evaluation::BudgetLoss> combined;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      ComparedStrategy told{contenders[i].name, contenders[i].budget,
                            runs[i].figures(),  kNotKnown,
                            kNotKnown,          kNotKnown};
      if (told.name == "full") {
        full = &runs[i];
        full_loss = told.figures.log_loss;
        full_ne = told.figures.normalised_entropy;
      }
      if (told.name == "hash") hash_ne = told.figures.normalised_entropy;
      if (full != nullptr) {
        const auto more =
            evaluation::loss_difference(runs[i].predictions(), full->predictions(), labels);
        told.over_full = more.mean / full_loss;
        told.standard_error = more.standard_error / full_loss;
      }
      if (told.budget && hash_ne > full_ne) {
        told.gap_closed = (hash_ne - told.figures.normalised_entropy) / (hash_ne - full_ne);
      }
      if (told.name == "combined" && full != nullptr) {
        combined.push_back({told.figures.rows, told.over_full, told.standard_error});
      }
      comparison.strategies.push_back(std::move(told));
    }
    if (!combined.empty()) comparison.advice = evaluation::advise_rows(combined, comparison.within);
    if (full_ne >= 1) {
      comparison.notes.emplace_back(
          "even a row for every id predicts no better than the mean label does: on this log the "
          "features tell too little for the figures to mean much");
    } else if (hash_ne <= full_ne) {
      comparison.notes.emplace_back(
          "hashing is no worse than a row for every id: the log repeats its ids too seldom for "
          "rows to be learned, or it drifts");
    }
  }
};

}  // namespace

AddedCommand add_compare(CLI::App& parent) {
  auto command = std::make_unique<CompareCommand>();
  CLI::App* const app =
      parent.add_subcommand("compare", "Compare strategies and row budgets on recorded event logs");
  app->add_option(
      "--events", command->events,
      "Event logs, read in this order: files, directories or patterns; TSV, CSV, NDJSON "
      "or protobuf, plain, gzip or zstd. Without it, the configuration's log or what its "
      "topics hold");
  app->add_option("--features", command->request.features,
                  "Features (columns) the model predicts from, two or more; each has a table")
      ->delimiter(',');
  app->add_option("--label", command->label,
                  "Column of the label, 0 or 1, in a log of tab-separated values (default: label, "
                  "if there is one)");
  app->add_option("--negatives", command->negatives,
                  "Do not predict labels: take every sample for a positive, and repeat it as a "
                  "negative with this feature of one of the last 20,000 samples. Without labels of "
                  "both kinds this is done for one of the features after the first");
  app->add_option("--rows", command->rows,
                  "Row budgets to compare, as shares of the distinct ids of each feature with more "
                  "than 1,000 (10% or 0.1)")
      ->delimiter(',')
      ->default_str("2%,10%,25%");
  app->add_option("--strategies", command->strategies, std::string("Strategies: ") + kStrategies)
      ->delimiter(',')
      ->default_str("full,hash,frequency,combined");
  app->add_option("--samples", command->samples, "Read only so many samples")
      ->check(CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()));
  app->add_option("--within", command->within,
                  "How much more log loss than the full table's a recommended budget may have")
      ->capture_default_str();
  app->add_option("--dimension", command->dimension,
                  "Floats in a row of your model's tables, for the memory figures")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  auto* const config = app->add_option(
      "-c,--config", command->request.config_path,
      "A configuration file of the daemon: features and settings are taken from it, and its rows "
      "are compared too");
  config->excludes(app->get_option("--features"));
  app->add_option("--set", command->request.overrides,
                  "Set a configuration key, as in --set learning.seed=7; may be repeated");
  app->add_option(
      "--threads", command->threads,
      "Threads to use; 0: one for each processor that the process may use. Results do not "
      "depend on it");
  app->add_flag("--json", command->json, "All figures as one JSON object");
  app->footer(
      "A small model (a factorisation machine) predicts every sample, then learns it, then the\n"
      "daemon's engine does; when a version is due, the model's rows are migrated to it. Nothing "
      "is\n"
      "seen before it has been predicted. full is a row for every id: what is given up by "
      "sharing.\n"
      "\n"
      "The recommendation is the smallest budget at which combined is within --within of full; a "
      "log\n"
      "too short to tell gets none. The log is held in memory: about 4 bytes an id, 8 a sample "
      "and\n"
      "feature, and for each contender 40 bytes a row and 16 a sample.\n"
      "\n"
      "Examples:\n"
      "  remapd compare --events clicks.tsv.gz --features user,item,category\n"
      "  remapd compare --events clicks.tsv.gz --features user,item --rows 1%,5% --samples "
      "2000000\n"
      "  remapd compare --config /etc/remapd/remapd.toml --events today.ndjson --json");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
