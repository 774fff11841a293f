#include "daemon/application/problems.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace remapd::application {
namespace {

constexpr std::int64_t kStandsStillMs = 60'000;
constexpr double kManyNewIds = 0.5;
// Versions from which on a mapping knows the ids of a stream that has any to know.
constexpr std::uint64_t kGrownUp = 3;

bool same(const Problem& a, const Problem& b) {
  return a.code == b.code && a.where == b.where;
}

void add_feature_problems(const StreamFacts& facts, std::vector<Problem>& out) {
  for (const FeatureStatus& feature : facts.features) {
    if (feature.ids > 0) continue;
    Problem problem{.code = ProblemCode::kFeatureMissing,
                    .where = "feature " + feature.name,
                    .what = fmt::format("no id in {} samples", facts.samples),
                    .advice = "compare the name in [[feature]] with what producers send"};
    if (facts.unknown_features > 0) {
      problem.advice += fmt::format("; {} feature columns in the messages are of no [[feature]]",
                                    facts.unknown_features);
    }
    out.push_back(std::move(problem));
  }
}

void add_label_problems(const StreamFacts& facts, std::uint64_t enough, std::vector<Problem>& out) {
  if (facts.labelled == 0) {
    if (facts.label_wanted_by.empty()) return;
    out.push_back({.code = ProblemCode::kLabelsMissing,
                   .where = facts.label_wanted_by,
                   .what = fmt::format("no label in {} samples", facts.samples),
                   .advice =
                       "compare the name of the label with what producers send, or do without "
                       "labels: ids are then learned by their company"});
    return;
  }
  if (facts.labelled < enough) return;
  const bool negative = facts.label_sum == 0;
  if (!negative && facts.label_sum != static_cast<double>(facts.labelled)) return;
  out.push_back({.code = ProblemCode::kLabelsOfOneClass,
                 .where = "labels",
                 .what = fmt::format("all {} labels are {}", facts.labelled, negative ? 0 : 1),
                 .advice =
                     "send samples of both classes: only their difference can be learned from; "
                     "until then ids are learned by their company"});
}

void add_reading_problems(const Status& status, std::vector<Problem>& out) {
  const bool reads = status.phase == Phase::kRunning;
  if (!status.problem.empty()) {
    if (!reads && status.phase != Phase::kStarting && status.phase != Phase::kRestoring) return;
    out.push_back({.code = ProblemCode::kCannotRead,
                   .where = status.source,
                   .what = status.problem,
                   .advice = "it is tried again until it works; docs/operations.md"});
  }
}

void add_lag_problem(const Status& status, std::vector<Problem>& out) {
  if (status.phase != Phase::kRunning || !status.problem.empty()) return;
  if (status.waiting_for_publication) return;  // then tables say why
  std::uint64_t lag = 0;
  for (const pipeline::PartitionLag& partition : status.input.lag) lag += partition.messages;
  const std::int64_t still_ms = status.updated_ms - status.read_ms;
  if (lag == 0 || status.read_ms == 0 || still_ms < kStandsStillMs) return;
  out.push_back({.code = ProblemCode::kLagStandsStill,
                 .where = status.source,
                 .what = fmt::format("{} messages are there and none has been read for {} s", lag,
                                     still_ms / 1000),
                 .advice = "look at the topic's partitions: one without a leader cannot be read"});
}

void add_message_problem(const Status& status, std::vector<Problem>& out) {
  const pipeline::SourceCounters& input = status.input;
  if (input.dead_letters == 0 || input.dead_letters < input.messages - input.dead_letters) return;
  out.push_back({.code = ProblemCode::kUnreadableMessages,
                 .where = status.source,
                 .what = fmt::format("{} of {} messages could not be read", input.dead_letters,
                                     input.messages),
                 .advice = "the dead letters ([dead_letter]) and the log say of each why"});
}

void add_table_problems(const Status& status, std::vector<Problem>& out) {
  for (const TableStatus& table : status.tables) {
    const std::string where = "table " + table.stats.name;
    if (!table.problem.empty()) {
      out.push_back({.code = ProblemCode::kCannotPublish,
                     .where = where,
                     .what = table.problem,
                     .advice = "trainers keep the version they have; statistics go on"});
    }
    if (status.samples >= kEnoughSamples && status.ids > 0 && table.stats.tracked_ids == 0) {
      out.push_back(
          {.code = ProblemCode::kTableEmpty,
           .where = where,
           .what = fmt::format("no id in {} samples, so no version is published", status.samples),
           .advice = "name a feature that events have, or remove the [[table]]"});
    }
    if (table.stats.version.value >= kGrownUp && table.stats.new_id_traffic > kManyNewIds) {
      out.push_back(
          {.code = ProblemCode::kManyNewIds,
           .where = where,
           .what =
               fmt::format("{:.0f} % of recent accesses are of ids that version {} does not know",
                           100 * table.stats.new_id_traffic, table.stats.version.value),
           .advice = "publish more often (publish.every_samples, publish.interval), raise "
                     "max_tracked_ids if ids are evicted, and see whether the feature is an id at "
                     "all: session numbers and times never come again"});
    }
  }
}

}  // namespace

std::string_view to_string(ProblemCode code) {
  switch (code) {
    case ProblemCode::kCannotRead:
      return "cannot_read";
    case ProblemCode::kCannotPublish:
      return "cannot_publish";
    case ProblemCode::kCannotSave:
      return "cannot_save";
    case ProblemCode::kUnreadableMessages:
      return "unreadable_messages";
    case ProblemCode::kFeatureMissing:
      return "feature_missing";
    case ProblemCode::kTableEmpty:
      return "table_empty";
    case ProblemCode::kLabelsMissing:
      return "labels_missing";
    case ProblemCode::kLabelsOfOneClass:
      return "labels_of_one_class";
    case ProblemCode::kLagStandsStill:
      return "lag_stands_still";
    case ProblemCode::kManyNewIds:
      break;
  }
  return "many_new_ids";
}

std::string label_wanted_by(const config::Config& config) {
  if (config.source.kind == config::SourceKind::kFile &&
      config.source.file.label_column != config::FileSource().label_column) {
    return "source.file.label_column = \"" + config.source.file.label_column + "\"";
  }
  if (!config.source.decode.label.empty()) {
    return "source.decode.label = \"" + config.source.decode.label + "\"";
  }
  for (const pipeline::TableConfig& table : config.tables) {
    if (table.learner == pipeline::LearnerChoice::kSupervised) {
      return "table " + table.name + " (learner = \"supervised\")";
    }
  }
  return {};
}

std::vector<Problem> stream_problems(const StreamFacts& facts, std::uint64_t enough) {
  std::vector<Problem> out;
  if (facts.samples < enough) return out;
  add_feature_problems(facts, out);
  add_label_problems(facts, enough, out);
  return out;
}

std::vector<Problem> find_problems(const Status& status) {
  std::vector<Problem> out;
  add_reading_problems(status, out);
  add_lag_problem(status, out);
  add_message_problem(status, out);
  add_table_problems(status, out);
  if (!status.checkpoint.problem.empty()) {
    out.push_back({.code = ProblemCode::kCannotSave,
                   .where = "checkpoint.dir",
                   .what = status.checkpoint.problem,
                   .advice = "reading goes on; after a restart it begins at the last one saved"});
  }
  auto of_stream = stream_problems({.samples = status.read_samples,
                                    .features = status.features,
                                    .labelled = status.labelled_samples,
                                    .label_sum = status.label_sum,
                                    .label_wanted_by = status.label_wanted_by,
                                    .unknown_features = status.input.unknown_features});
  std::move(of_stream.begin(), of_stream.end(), std::back_inserter(out));
  std::stable_sort(out.begin(), out.end(),
                   [](const Problem& a, const Problem& b) { return a.code < b.code; });
  return out;
}

ProblemWatch::Changes ProblemWatch::update(std::vector<Problem> found, std::int64_t now_ms) {
  Changes changes;
  for (Problem& problem : found) {
    const auto before = std::find_if(current_.begin(), current_.end(),
                                     [&](const Problem& p) { return same(p, problem); });
    problem.since_ms = before == current_.end() ? now_ms : before->since_ms;
    if (before == current_.end()) changes.begun.push_back(problem);
  }
  for (const Problem& problem : current_) {
    const bool still =
        std::any_of(found.begin(), found.end(), [&](const Problem& p) { return same(p, problem); });
    if (!still) changes.over.push_back(problem);
  }
  current_ = std::move(found);
  return changes;
}

}  // namespace remapd::application
