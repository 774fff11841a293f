// remap-quality: how good remapd's mappings are for a model, measured on a log.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/result.h"
#include "tests/quality/contender.h"
#include "tests/quality/drift.h"
#include "tests/quality/prequential.h"
#include "tests/quality/progress.h"
#include "tests/quality/report.h"
#include "tests/quality/retrieval.h"

namespace remapd::quality {
namespace {

struct CommonOptions {
  std::string events;
  std::string strategies = "full,hash,frequency,combined";
  double rows = 0.1;
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  bool json = false;
  std::string learner = "auto";
  evaluation::MapperSettings mapper;
};

// What the commands that predict from a log read of it.
struct LogOptions {
  std::string features;
  std::string label_column = "label";
  std::string separator;
  std::string negatives;
};

struct PrequentialCommand {
  CommonOptions common;
  LogOptions log;
  bool no_migration = false;
};

struct DriftCommand {
  CommonOptions common;
  LogOptions log;
  std::string permute;
  std::vector<std::uint32_t> repeats{0, 1, 4, 10};
};

struct RetrievalCommand {
  CommonOptions common;
  std::string user;
  std::string item;
  std::uint32_t passes = 1;
  std::uint32_t user_stride = 1;
  bool publish_along = false;
};

void add_strategies(CLI::App& command, CommonOptions& options) {
  command
      .add_option("--strategies", options.strategies,
                  "Comma-separated: full, hash, double_hash, frequency, embedding, combined, "
                  "louvain")
      ->capture_default_str();
}

void add_log(CLI::App& command, LogOptions& options) {
  command.add_option("--features", options.features, "Comma-separated columns to predict from")
      ->required();
  command.add_option("--label-column", options.label_column, "Column of the label")
      ->capture_default_str();
  command.add_option("--multi-value-separator", options.separator,
                     "Character that splits a field into several ids");
  command.add_option("--negatives", options.negatives,
                     "After each event, a negative whose column of this name is drawn from the "
                     "last 20,000 events");
}

void add_common(CLI::App& command, CommonOptions& options) {
  command.add_option("--events", options.events, "Log to read (TSV, NDJSON or protobuf; gzip)")
      ->required();
  command
      .add_option("--rows", options.rows,
                  "Row budget of a feature with more than 1,000 ids, as a share of its ids")
      ->capture_default_str()
      ->check(CLI::Range(1e-9, 1.0));
  command.add_option("--seed", options.seed, "First seed")->capture_default_str();
  command.add_option("--seeds", options.seeds, "How many seeds to run; figures are their mean")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command.add_flag("--json", options.json, "One JSON object a line per strategy");

  const std::string group = "Engine settings (defaults: the daemon's)";
  pipeline::TableConfig& table = options.mapper.table;
  pipeline::EngineConfig& engine = options.mapper.engine;
  pipeline::PublishSchedule::Config& schedule = options.mapper.schedule;
  const auto setting = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->capture_default_str()->group(group);
  };
  command.add_option("--learner", options.learner, "auto, co_access or supervised")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "co_access", "supervised"}))
      ->group(group);
  setting("--dedicated-share", table.dedicated_share, "Share of the rows owned by one frequent id");
  setting("--new-id-share", table.new_id_share,
          "Share of the rows kept for new ids; < 0: from the stream");
  setting("--horizon", table.horizon,
          "Samples after which what was learned counts half; 0: never; < 0: from the stream");
  setting("--hysteresis", table.hysteresis, "An id moves only to a row this much nearer");
  setting("--churn-budget", table.churn_budget, "Share of the traffic that may move per version");
  setting("--max-tracked-ids", table.max_tracked_ids, "Bound of the ids tracked per table");
  setting("--co-access-dimension", engine.co_access_dimension, "Dimensions of co-access vectors");
  setting("--factors", engine.factors, "Dimensions of supervised vectors");
  setting("--mini-batch", engine.mini_batch, "Samples learned from frozen parameters");
  setting("--tick-samples", engine.tick_samples, "Samples that a tick folds");
  setting("--every-samples", schedule.every_samples, "Samples between versions of any kind");
  setting("--first-samples", schedule.first_samples, "Samples before the first version");
  setting("--full-samples", schedule.full_samples, "Samples between full builds once settled");
  setting("--full-samples-per-id", schedule.full_samples_per_id,
          "And at least so many per known id");
  setting("--growth", schedule.growth, "By how much the gap between full builds grows at first");
}

Result<void> set_learner(CommonOptions& options) {
  for (const auto choice : {pipeline::LearnerChoice::kAuto, pipeline::LearnerChoice::kCoAccess,
                            pipeline::LearnerChoice::kSupervised}) {
    if (to_string(choice) == options.learner) options.mapper.table.learner = choice;
  }
  if (options.mapper.schedule.growth < 1 || options.mapper.schedule.first_samples < 1 ||
      options.mapper.schedule.every_samples < 1) {
    return fail(ErrorCode::kInvalidArgument,
                "--growth, --first-samples and --every-samples must be at least 1");
  }
  return {};
}

// A quantity of one strategy for each seed, empty for strategies that were not run.
std::vector<double> measured_by(std::vector<double> values, std::uint64_t seeds) {
  values.resize(seeds, std::numeric_limits<double>::quiet_NaN());
  return values;
}

// Runs `measure` for each seed; stops at the first error.
template <class T>
Result<std::vector<T>> for_seeds(const CommonOptions& options, const std::string& strategy,
                                 Progress& progress,
                                 const std::function<Result<T>(std::uint64_t)>& measure) {
  std::vector<T> runs;
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    progress.begin(options.seeds > 1 ? fmt::format("{}, seed {}", strategy, options.seed + i)
                                     : strategy);
    auto run = measure(options.seed + i);
    if (!run) return fail(std::move(run).error());
    runs.push_back(std::move(*run));
  }
  return runs;
}

template <class T, class Member>
std::vector<double> column(const std::vector<T>& runs, Member member) {
  std::vector<double> values;
  for (const T& run : runs) values.push_back(static_cast<double>(run.*member));
  return values;
}

template <class T>
Figure seconds_of(const std::vector<T>& runs) {
  return {"seconds", Figure::Kind::kSeconds, column(runs, &T::seconds)};
}

Figure rows_share_of(const CommonOptions& options, bool full) {
  return {"rows_share", Figure::Kind::kRatio, {full ? 1.0 : options.rows}};
}

Result<std::vector<std::string>> split_features(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream in{list};
  for (std::string name; std::getline(in, name, ',');) names.push_back(name);
  if (names.size() < 2) {
    return fail(ErrorCode::kInvalidArgument,
                "--features needs at least two columns: the model predicts from their combination");
  }
  return names;
}

Result<evaluation::EventLog> read_log(const CommonOptions& common, const LogOptions& options,
                                      Progress& progress) {
  const auto features = split_features(options.features);
  if (!features) return fail(features.error());
  if (options.separator.size() > 1) {
    return fail(ErrorCode::kInvalidArgument, "--multi-value-separator is one character");
  }
  progress.begin("Reading " + common.events);
  evaluation::EventLogOptions log_options;
  log_options.path = common.events;
  log_options.features = *features;
  log_options.label_column = options.label_column;
  if (!options.separator.empty()) log_options.multi_value_separator = options.separator[0];
  auto log = evaluation::EventLog::read(log_options, [&](std::size_t samples) {
    progress.show([&] { return fmt::format("{} samples", samples); });
  });
  if (!log) return log;
  progress.clear();
  if (log->unreadable() > 0) {
    fmt::print(stderr, "warning: {} rows could not be read and are left out\n", log->unreadable());
  }
  return log;
}

// `option` names it.
Result<FeatureIndex> feature_of(const evaluation::EventLog& log, std::string_view option,
                                const std::string& name) {
  for (std::uint32_t f = 0; f < log.features(); ++f) {
    if (log.name(FeatureIndex{f}) == name) return FeatureIndex{f};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} names \"{}\", which is not in --features", option, name));
}

Result<void> run(PrequentialCommand& command) {
  CommonOptions& common = command.common;
  if (auto ok = set_learner(common); !ok) return ok;
  const auto contenders = parse_contenders(common.strategies);
  if (!contenders) return fail(contenders.error());
  Progress progress;
  const auto log = read_log(common, command.log, progress);
  if (!log) return fail(log.error());

  ContenderOptions options;
  options.rows_share = common.rows;
  options.migrate = !command.no_migration;
  options.mapper = common.mapper;
  if (!command.log.negatives.empty()) {
    const auto negatives = feature_of(*log, "--negatives", command.log.negatives);
    if (!negatives) return fail(negatives.error());
    options.negatives = *negatives;
  }

  Report report(common.json, progress);
  std::vector<double> full;
  std::vector<double> hash;
  for (const Contender& contender : *contenders) {
    const auto runs =
        for_seeds<ContenderFigures>(common, contender.name, progress, [&](std::uint64_t seed) {
          return run_prequential(*log, contender, options, seed, progress);
        });
    if (!runs) return fail(runs.error());
    const std::vector<double> ne = column(*runs, &ContenderFigures::normalised_entropy);
    if (contender.name == "full") full = ne;
    if (contender.name == "hash") hash = ne;
    std::vector<double> gap_closed;
    const std::vector<double> best = measured_by(full, common.seeds);
    const std::vector<double> worst = measured_by(hash, common.seeds);
    for (std::size_t i = 0; i < ne.size(); ++i) {
      gap_closed.push_back(worst[i] > best[i] ? (worst[i] - ne[i]) / (worst[i] - best[i])
                                              : std::nan(""));
    }
    const bool is_full = contender.kind == Contender::Kind::kFull;
    report.add(
        contender.name,
        {{"ne", Figure::Kind::kRatio, ne, true},
         {"logloss", Figure::Kind::kRatio, column(*runs, &ContenderFigures::log_loss)},
         {"auc", Figure::Kind::kRatio, column(*runs, &ContenderFigures::auc), true},
         {"gap_closed", Figure::Kind::kRatio, gap_closed, true},
         {"traffic_moved", Figure::Kind::kRatio, column(*runs, &ContenderFigures::moved_median)},
         {"traffic_moved_mean", Figure::Kind::kRatio, column(*runs, &ContenderFigures::moved_mean)},
         {"traffic_rerouted", Figure::Kind::kRatio,
          column(*runs, &ContenderFigures::rerouted_median)},
         {"traffic_moved_10k", Figure::Kind::kRatio,
          column(*runs, &ContenderFigures::moved_per_stretch)},
         {"versions", Figure::Kind::kCount, column(*runs, &ContenderFigures::versions)},
         {"rows", Figure::Kind::kCount, column(*runs, &ContenderFigures::rows)},
         rows_share_of(common, is_full),
         seconds_of(*runs)});
  }
  return {};
}

Result<void> run(DriftCommand& command) {
  CommonOptions& common = command.common;
  if (auto ok = set_learner(common); !ok) return ok;
  Progress progress;
  const auto log = read_log(common, command.log, progress);
  if (!log) return fail(log.error());

  DriftOptions options;
  const auto permuted = feature_of(*log, "--permute", command.permute);
  if (!permuted) return fail(permuted.error());
  options.permuted = *permuted;
  options.repeats = command.repeats;
  options.contender.rows_share = common.rows;
  options.contender.mapper = common.mapper;
  if (!command.log.negatives.empty()) {
    const auto negatives = feature_of(*log, "--negatives", command.log.negatives);
    if (!negatives) return fail(negatives.error());
    options.contender.negatives = *negatives;
  }
  std::vector<std::vector<DriftFigures>> by_repeats(options.repeats.size());
  for (std::uint64_t i = 0; i < common.seeds; ++i) {
    std::size_t at = 0;
    auto ok = run_drift(*log, options, common.seed + i, progress,
                        [&](const DriftFigures& run) { by_repeats[at++].push_back(run); });
    if (!ok) return ok;
  }
  Report report(common.json, progress);
  for (const std::vector<DriftFigures>& runs : by_repeats) {
    report.add("",
               {{"repeats", Figure::Kind::kCount, column(runs, &DriftFigures::repeats)},
                {"gap_closed", Figure::Kind::kRatio, column(runs, &DriftFigures::gap_closed), true},
                {"ne", Figure::Kind::kRatio, column(runs, &DriftFigures::normalised_entropy), true},
                {"ne_full", Figure::Kind::kRatio, column(runs, &DriftFigures::full)},
                {"ne_hash", Figure::Kind::kRatio, column(runs, &DriftFigures::hash)},
                {"traffic_moved", Figure::Kind::kRatio, column(runs, &DriftFigures::moved_median)},
                seconds_of(runs)});
  }
  return {};
}

Result<void> run(RetrievalCommand& command) {
  CommonOptions& common = command.common;
  if (auto ok = set_learner(common); !ok) return ok;
  const auto contenders = parse_contenders(common.strategies);
  if (!contenders) return fail(contenders.error());

  Progress progress;
  progress.begin("Reading " + common.events);
  const auto data = RetrievalData::read(common.events, command.user, command.item, progress);
  if (!data) return fail(data.error());

  RetrievalOptions options;
  options.rows_share = common.rows;
  options.passes = command.passes;
  options.publish_along = command.publish_along;
  options.user_stride = command.user_stride;
  options.mapper = common.mapper;

  Report report(common.json, progress);
  std::vector<double> full;
  for (const Contender& contender : *contenders) {
    const auto runs =
        for_seeds<RetrievalRun>(common, contender.name, progress, [&](std::uint64_t seed) {
          return run_retrieval(*data, contender, options, seed, progress);
        });
    if (!runs) return fail(runs.error());
    const std::vector<double> recall = column(*runs, &RetrievalRun::recall);
    if (contender.name == "full") full = recall;
    std::vector<double> of_full;
    const std::vector<double> best = measured_by(full, common.seeds);
    for (std::size_t i = 0; i < recall.size(); ++i) of_full.push_back(recall[i] / best[i]);
    const bool is_full = contender.kind == Contender::Kind::kFull;
    report.add(contender.name,
               {{"recall20", Figure::Kind::kRatio, recall, true},
                {"auc", Figure::Kind::kRatio, column(*runs, &RetrievalRun::auc), true},
                {"recall_of_full", Figure::Kind::kRatio, of_full, true},
                {"users", Figure::Kind::kCount, column(*runs, &RetrievalRun::users)},
                {"versions", Figure::Kind::kCount, column(*runs, &RetrievalRun::versions)},
                {"rows", Figure::Kind::kCount, column(*runs, &RetrievalRun::rows)},
                rows_share_of(common, is_full),
                seconds_of(*runs)});
  }
  return {};
}

int main(int argc, char** argv) {
  CLI::App app{"Measures how good mappings are for a model that trains on them.", "remap-quality"};
  app.require_subcommand(1);

  PrequentialCommand prequential;
  CLI::App* const prequential_app = app.add_subcommand(
      "prequential", "Predict, then learn, event by event, while tables are remapped");
  add_common(*prequential_app, prequential.common);
  add_strategies(*prequential_app, prequential.common);
  add_log(*prequential_app, prequential.log);
  prequential_app->add_flag("--no-migration", prequential.no_migration,
                            "Swap mappings without migrating rows: shows what that loses");

  RetrievalCommand retrieval;
  CLI::App* const retrieval_app = app.add_subcommand(
      "retrieval", "Train a recommender on the mapping of a train part; find the test part");
  add_common(*retrieval_app, retrieval.common);
  add_strategies(*retrieval_app, retrieval.common);
  retrieval_app->add_option("--user", retrieval.user, "Column of the user")->required();
  retrieval_app->add_option("--item", retrieval.item, "Column of the item")->required();
  retrieval_app
      ->add_option("--passes", retrieval.passes, "Passes of the statistics over the train part")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  retrieval_app
      ->add_option("--user-stride", retrieval.user_stride, "Evaluate every how many-th user")
      ->capture_default_str()
      ->check(CLI::Range(1, 4));
  retrieval_app->add_flag("--publish-along", retrieval.publish_along,
                          "Publish versions along the passes, not only after the last");

  DriftCommand drift;
  CLI::App* const drift_app = app.add_subcommand(
      "drift", "What mappings are worth once every id of a feature behaves like another one");
  add_common(*drift_app, drift.common);
  add_log(*drift_app, drift.log);
  drift_app
      ->add_option("--permute", drift.permute, "The feature whose ids take each other's behaviour")
      ->required();
  drift_app
      ->add_option("--repeats", drift.repeats,
                   "Comma-separated: how many times the log is learned before that, a run for each")
      ->delimiter(',')
      ->capture_default_str();

  CLI11_PARSE(app, argc, argv);
  const auto outcome = prequential_app->parsed() ? run(prequential)
                       : drift_app->parsed()     ? run(drift)
                                                 : run(retrieval);
  if (outcome) return 0;
  fmt::print(stderr, "remap-quality: {}\n", outcome.error().message);
  return 1;
}

}  // namespace
}  // namespace remapd::quality

int main(int argc, char** argv) {
  return remapd::quality::main(argc, argv);
}
