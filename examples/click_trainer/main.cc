// click-trainer: an example of a trainer whose embedding tables follow remapd's mapping versions.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "connectors/files/directory_source.h"
#include "connectors/files/log_reader.h"
#include "connectors/kafka/kafka_event_source.h"
#include "connectors/kafka/kafka_mapping_source.h"
#include "examples/click_trainer/progress.h"
#include "examples/click_trainer/remapd_tables.h"
#include "examples/click_trainer/report.h"
#include "examples/click_trainer/survey.h"
#include "examples/click_trainer/training.h"

namespace remapd::click_trainer {
namespace {

// What all commands are told about the log.
struct EventOptions {
  std::string path;
  std::vector<std::string> features;
  std::string label_column = "label";
  bool no_labels = false;
  bool quiet = false;
};

struct SurveyCommand {
  EventOptions events;
  double rows = 0.1;
  std::string negatives;
  std::string out;
  std::uint64_t seed = 1;
};

struct TrainCommand {
  EventOptions events;
  std::vector<std::string> share;
  std::string mappings;
  std::string brokers;
  std::string events_topic = "remap.events";
  std::string mappings_topic = "remap.mappings";
  std::string ready_file;
  bool free = false;
  FollowOptions follow;
  double patience_seconds = 120;
  bool json = false;
  TrainingOptions training;
};

void add_events(CLI::App& command, EventOptions& options) {
  command.add_option("--events", options.path, "Log of events (TSV, NDJSON or protobuf; gzip)");
  command.add_option("--features", options.features, "Comma-separated columns to predict from")
      ->required()
      ->delimiter(',');
  command.add_option("--label-column", options.label_column, "Column of the label")
      ->capture_default_str();
  command.add_flag("--no-labels", options.no_labels, "Leave the labels of the log unread");
  command.add_flag("--quiet", options.quiet, "Show no progress");
}

pipeline::FeatureSchema schema_of(const std::vector<std::string>& names) {
  std::vector<pipeline::Feature> features;
  for (std::uint32_t f = 0; f < names.size(); ++f) features.push_back({names[f], TableIndex{f}});
  return pipeline::FeatureSchema(std::move(features));
}

Result<std::unique_ptr<pipeline::EventSource>> open_log(const EventOptions& options) {
  if (options.path.empty()) {
    return fail(ErrorCode::kInvalidArgument, "name the log of events with --events");
  }
  files::LogFileOptions log;
  log.path = options.path;
  log.tsv.label_column = options.label_column;
  if (options.no_labels) log.tsv.labels = files::LabelUse::kIgnore;
  auto source = files::LogFileSource::create(std::move(log), schema_of(options.features), nullptr);
  if (!source) return fail(std::move(source).error());
  if (auto ok = (*source)->start({}); !ok) return fail(std::move(ok).error());
  return std::unique_ptr<pipeline::EventSource>(std::move(*source));
}

Result<Survey> survey_log(const EventOptions& events, const SurveyOptions& options,
                          Progress& progress) {
  auto source = open_log(events);
  if (!source) return fail(std::move(source).error());
  auto out = survey(**source, schema_of(events.features), options, [&](std::uint64_t samples) {
    progress.show([&] { return fmt::format("reading the log: {} samples", samples); });
  });
  progress.clear();
  return out;
}

Result<FeatureIndex> find_feature(const std::vector<std::string>& features, const std::string& name,
                                  const char* option) {
  for (std::uint32_t f = 0; f < features.size(); ++f) {
    if (features[f] == name) return FeatureIndex{f};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} names \"{}\", which is not one of --features", option, name));
}

Result<void> run(const SurveyCommand& command) {
  SurveyOptions options{.rows_share = command.rows};
  options.samples_log = command.out;
  if (!command.negatives.empty()) {
    auto feature = find_feature(command.events.features, command.negatives, "--negatives");
    if (!feature) return fail(std::move(feature).error());
    options.negatives = {.feature = *feature, .seed = command.seed};
  }
  Progress progress(command.events.quiet);
  const auto found = survey_log(command.events, options, progress);
  if (!found) return fail(found.error());
  fmt::print("samples\t{}\nlabels\t{}\t{}\t{}\n", found->samples, found->positives,
             found->negatives(), found->unlabelled);
  for (const Survey::Feature& feature : found->features) {
    fmt::print("feature\t{}\t{}\t{}\t{}\n", feature.name, feature.ids, feature.rows,
               feature.shared ? "shared" : "own");
  }
  return {};
}

Result<std::vector<Table>> tables_of(const TrainCommand& command) {
  std::vector<Table> tables;
  for (const std::string& feature : command.events.features) tables.push_back({feature, 0});
  for (const std::string& share : command.share) {
    const std::size_t at = share.rfind('=');
    std::uint64_t rows = 0;
    if (at != std::string::npos) std::istringstream(share.substr(at + 1)) >> rows;
    if (rows == 0 || rows >= kNoRow.value) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--share {}: write FEATURE=ROWS, with the rows of the table in the "
                              "daemon's configuration",
                              share));
    }
    auto feature = find_feature(command.events.features, share.substr(0, at), "--share");
    if (!feature) return fail(std::move(feature).error());
    tables[feature->value].rows = static_cast<std::uint32_t>(rows);
  }
  return tables;
}

Result<std::unique_ptr<pipeline::EventSource>> open_topic(const TrainCommand& command) {
  kafka::KafkaEventSourceOptions options;
  options.settings.brokers = command.brokers;
  options.topic = command.events_topic;
  options.group = "click-trainer";
  auto source = kafka::KafkaEventSource::create(std::move(options),
                                                schema_of(command.events.features), nullptr);
  if (!source) return fail(std::move(source).error());
  if (auto ok = (*source)->start({}); !ok) return fail(std::move(ok).error());
  return std::unique_ptr<pipeline::EventSource>(std::move(*source));
}

Result<std::unique_ptr<mapping::MappingSource>> open_mappings(const TrainCommand& command,
                                                              const std::string& table) {
  if (command.brokers.empty()) {
    auto source = files::DirectoryMappingSource::create(command.mappings, table);
    if (!source) return fail(std::move(source).error());
    return std::unique_ptr<mapping::MappingSource>(std::move(*source));
  }
  kafka::KafkaMappingSourceOptions options;
  options.settings.brokers = command.brokers;
  options.topic = command.mappings_topic;
  options.table = table;
  auto source = kafka::KafkaMappingSource::create(std::move(options));
  if (!source) return fail(std::move(source).error());
  return std::unique_ptr<mapping::MappingSource>(std::move(*source));
}

Result<void> run(TrainCommand& command) {
  auto tables = tables_of(command);
  if (!tables) return fail(std::move(tables).error());
  TrainingOptions& training = command.training;
  training.tables = std::move(*tables);
  FollowOptions& follow = command.follow;
  follow.seed = training.seed;
  follow.in_step = !command.free;
  follow.patience =
      std::chrono::milliseconds(static_cast<std::int64_t>(command.patience_seconds * 1'000));
  training.patience = follow.patience;

  // Followed from before the first event, so that no version is missed.
  if (!command.brokers.empty()) follow.first_look = std::chrono::seconds(2);
  auto remapd = RemapdTables::create(training.tables, follow, [&](const std::string& table) {
    return open_mappings(command, table);
  });
  if (!remapd) return fail(std::move(remapd).error());

  Progress progress(command.events.quiet);
  if (command.brokers.empty() == command.mappings.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "say where remapd is: --mappings DIRECTORY with --events, or --kafka BROKERS");
  }
  if (training.samples == 0) {
    const auto found = survey_log(command.events, {}, progress);
    if (!found) return fail(found.error());
    training.samples = found->samples;
  }
  auto source = command.brokers.empty() ? open_log(command.events) : open_topic(command);
  if (!source) return fail(std::move(source).error());
  if (!command.ready_file.empty() && !std::ofstream(command.ready_file).put('\n').flush()) {
    return fail(ErrorCode::kIo, "--ready-file: cannot write " + command.ready_file);
  }
  const auto result = run_training(**source, **remapd, training, progress);
  progress.clear();
  if (!result) return fail(result.error());
  if (command.json) {
    fmt::print("{}\n", report_json(*result));
  } else {
    fmt::print("{}", report_text(*result));
  }
  return {};
}

int main(int argc, char** argv) {
  CLI::App app{
      "An example trainer: a click model whose embedding tables follow remapd's mappings, beside "
      "the same model with hashed ids, frequency-based rows and full tables.",
      "click-trainer"};
  app.require_subcommand(1);

  SurveyCommand survey_command;
  CLI::App* const survey_app = app.add_subcommand(
      "survey",
      "Counts samples and ids, and sizes the tables. Prints lines of tab-separated fields: samples "
      "N; labels POSITIVES NEGATIVES NONE; feature NAME IDS ROWS shared|own");
  add_events(*survey_app, survey_command.events);
  survey_app
      ->add_option("--rows", survey_command.rows,
                   "Rows of the table of a feature with more than 1,000 ids, as a share of its ids")
      ->capture_default_str()
      ->check(CLI::Range(1e-9, 1.0));
  survey_app->add_option("--negatives", survey_command.negatives,
                         "For logs of positives only: after each event a negative, whose id of "
                         "this feature is that of one of the last 20,000 events");
  survey_app->add_option("--out", survey_command.out, "Log that the samples are written to");
  survey_app->add_option("--seed", survey_command.seed, "Of the negatives")->capture_default_str();

  TrainCommand train;
  TrainingOptions& training = train.training;
  CLI::App* const train_app = app.add_subcommand(
      "train", "Trains on a log while remapd maps it, and reports the loss of each contender");
  add_events(*train_app, train.events);
  train_app->add_option("--share", train.share,
                        "FEATURE=ROWS of a table that remapd maps, named like its feature; may be "
                        "repeated. Other features get a row for every id");
  train_app->add_option("--mappings", train.mappings, "Directory remapd publishes to");
  train_app->add_option("--kafka", train.brokers,
                        "Brokers, host:port, to read events and mapping versions from");
  train_app->add_option("--events-topic", train.events_topic, "Topic of the events")
      ->capture_default_str();
  train_app->add_option("--mappings-topic", train.mappings_topic, "Topic remapd publishes to")
      ->capture_default_str();
  train_app
      ->add_option("--samples", training.samples, "Samples to train on; 0: as many as the log has")
      ->capture_default_str();
  train_app->add_option("--seed", training.seed, "The daemon's [learning] seed")
      ->capture_default_str();
  train_app
      ->add_option("--first-samples", train.follow.first_samples,
                   "The daemon's [publish] first_samples")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  train_app->add_flag("--free", train.free,
                      "Start with the newest version there is, and swap to others when they are "
                      "noticed, without waiting for those that are due");
  train_app->add_option("--ready-file", train.ready_file,
                        "File created once every version published from then on is followed");
  train_app->add_flag("--await-last", training.await_last,
                      "Wait for the version remapd publishes at the end of a log");
  train_app
      ->add_option("--patience", train.patience_seconds,
                   "Seconds to wait for remapd and for events")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  train_app->add_flag("--json", train.json, "Print the result as one JSON object");

  CLI11_PARSE(app, argc, argv);
  const auto outcome = survey_app->parsed() ? run(survey_command) : run(train);
  if (outcome) return 0;
  fmt::print(stderr, "click-trainer: {}\n", outcome.error().message);
  return 1;
}

}  // namespace
}  // namespace remapd::click_trainer

int main(int argc, char** argv) {
  return remapd::click_trainer::main(argc, argv);
}
