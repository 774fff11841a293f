#include "evaluation/online_mapper.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/base/check.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/fallback.h"

namespace remapd::evaluation {
namespace {

constexpr std::size_t kBatchSamples = 1024;

}  // namespace

TableBudget table_budget(std::uint32_t distinct_ids, double share) {
  if (distinct_ids <= kUnmappedIds) return {std::max(distinct_ids, 1u), false};
  return {static_cast<std::uint32_t>(std::max(std::round(share * distinct_ids), 1.0)), true};
}

std::vector<TableBudget> table_budgets(const EventLog& log, std::size_t features, double share) {
  std::vector<TableBudget> budgets;
  for (std::uint32_t f = 0; f < features; ++f) {
    budgets.push_back(table_budget(log.distinct(FeatureIndex{f}), share));
  }
  return budgets;
}

std::vector<RowsOfIds> hashed_tables(const EventLog& log, std::span<const TableBudget> budgets,
                                     std::uint64_t seed) {
  std::vector<RowsOfIds> out;
  for (std::uint32_t f = 0; f < budgets.size(); ++f) {
    const FeatureIndex feature{f};
    const std::uint32_t rows = budgets[f].rows;
    out.push_back(budgets[f].mapped ? rows_by_fallback(log.ids(feature),
                                                       mapping::initial_fallback(rows, seed), rows)
                                    : own_rows(log.distinct(feature)));
  }
  return out;
}

Result<std::unique_ptr<OnlineMapper>> OnlineMapper::create(const EventLog& log,
                                                           std::vector<TableBudget> budgets,
                                                           mapping::Strategy strategy,
                                                           const MapperSettings& settings,
                                                           std::uint64_t seed) {
  pipeline::EngineConfig config = settings.engine;
  config.seed = seed;
  config.tables.clear();
  config.features.clear();
  for (std::uint32_t f = 0; f < budgets.size(); ++f) {
    pipeline::TableConfig table = settings.tables.empty() ? settings.table : settings.tables[f];
    table.name = log.name(FeatureIndex{f});
    table.rows = budgets[f].rows;
    table.strategy = strategy;
    config.features.push_back({table.name, TableIndex{f}});
    config.tables.push_back(std::move(table));
  }
  auto engine = pipeline::Engine::create(std::move(config));
  if (!engine) return fail(std::move(engine).error());
  return std::unique_ptr<OnlineMapper>(
      new OnlineMapper(log, std::move(budgets), std::move(*engine), settings.schedule));
}

OnlineMapper::OnlineMapper(const EventLog& log, std::vector<TableBudget> budgets,
                           std::unique_ptr<pipeline::Engine> engine,
                           const pipeline::PublishSchedule::Config& schedule)
    : log_(log), engine_(std::move(engine)) {
  for (std::uint32_t f = 0; f < budgets.size(); ++f) {
    tables_.push_back({budgets[f],
                       pipeline::PublishSchedule(schedule),
                       kNoVersion,
                       std::vector<std::uint32_t>(log_.distinct(FeatureIndex{f})),
                       0,
                       {}});
    if (!budgets[f].mapped) continue;
    const std::span<const Id> ids = log_.ids(FeatureIndex{f});
    for (std::uint32_t n = 0; n < ids.size(); ++n) tables_[f].numbers.emplace(ids[n], n);
  }
  rows_ = hashed_tables(log_, budgets, engine_->config().seed);
  next_due_ = pipeline::PublishSchedule(schedule).due_at();
  batch_.reset(tables_.size());
}

std::uint64_t OnlineMapper::versions() const {
  std::uint64_t most = 0;
  for (const Table& table : tables_) most = std::max(most, table.version.value);
  return most;
}

void OnlineMapper::take(std::span<const std::span<const std::uint32_t>> numbers, float label) {
  for (std::uint32_t f = 0; f < tables_.size(); ++f) {
    const FeatureIndex feature{f};
    batch_.mutable_lengths(feature).push_back(static_cast<std::uint32_t>(numbers[f].size()));
    for (const std::uint32_t number : numbers[f]) {
      batch_.mutable_values(feature).push_back(log_.ids(feature)[number]);
      ++tables_[f].accesses[number];
    }
    tables_[f].all_accesses += numbers[f].size();
  }
  batch_.mutable_labels().push_back(label);
  ++samples_;
  if (++batched_ == kBatchSamples) ingest();
}

void OnlineMapper::ingest() {
  batch_.seal(batched_);
  engine_->ingest(batch_);
  batch_.reset(tables_.size());
  batched_ = 0;
}

void OnlineMapper::finish() {
  ingest();
  engine_->flush();
}

Publication OnlineMapper::publish_due() {
  return publish([this](Table& table, TableIndex index) -> std::optional<pipeline::BuildKind> {
    if (!table.schedule.due(samples_)) return std::nullopt;
    const auto kind = table.schedule.kind(samples_, engine_->between_full_builds(index));
    if (!kind) table.schedule.pass();
    return kind;
  });
}

Publication OnlineMapper::publish_all() {
  return publish([](Table&, TableIndex) { return std::optional(pipeline::BuildKind::kFull); });
}

// The rows of the table's ids are now those of the version. Returns the accesses, up to now, of ids
// whose row has changed.
std::uint64_t OnlineMapper::follow(const Table& table, FeatureIndex feature,
                                   const pipeline::BuildOutcome& outcome) {
  RowsOfIds& rows = rows_[feature.value];
  std::uint64_t rerouted = 0;
  // Where new ids get rows of their own, the fallback of the others changes too.
  if (outcome.increment && outcome.mapping.stats.shared_rows > 0) {
    const auto change = [&](const std::vector<Id>& ids, const std::vector<Row>& to) {
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::uint32_t number = table.numbers.at(ids[i]);
        if (rows.first[number] != to[i]) rerouted += table.accesses[number];
        rows.first[number] = to[i];
      }
    };
    change(outcome.increment->added, outcome.increment->added_rows);
    change(outcome.increment->moved, outcome.increment->moved_rows);
    return rerouted;
  }
  const Bytes bytes = outcome.increment
                          ? mapping::encode_artifact(*engine_->incumbent(TableIndex{feature.value}))
                          : mapping::encode_artifact(outcome.mapping);
  const auto artifact = mapping::ArtifactView::open(bytes, mapping::Verify::kAll);
  REMAPD_CHECK(artifact.has_value(), "an artifact just encoded can be opened");
  RowsOfIds now = rows_by_artifact(log_.ids(feature), *artifact);
  for (std::size_t i = 0; i < now.first.size(); ++i) {
    if (rows.first[i] != now.first[i]) rerouted += table.accesses[i];
  }
  rows = std::move(now);
  return rerouted;
}

template <class KindOf>
Publication OnlineMapper::publish(KindOf kind_of) {
  ingest();
  Publication out;
  double traffic = 0;
  next_due_ = std::numeric_limits<std::uint64_t>::max();
  for (std::uint32_t f = 0; f < tables_.size(); ++f) {
    Table& table = tables_[f];
    if (!table.budget.mapped) continue;
    const TableIndex index{f};
    if (const auto kind = kind_of(table, index)) {
      table.version = Version{table.version.value + 1};
      pipeline::BuildOutcome outcome = pipeline::run_build(engine_->begin_build(
          {.table = index, .version = table.version, .epoch = Epoch{1}, .kind = *kind}));
      engine_->adopt(outcome);
      out.rerouted += static_cast<double>(follow(table, FeatureIndex{f}, outcome));
      const auto of_table = static_cast<double>(table.all_accesses);
      traffic += of_table;
      out.moved += outcome.mapping.stats.traffic_moved * of_table;
      out.tables.push_back({FeatureIndex{f}, std::move(outcome.plan)});
      table.schedule.done(*kind, samples_, engine_->tracked_ids(index));
    }
    next_due_ = std::min(next_due_, table.schedule.due_at());
  }
  if (traffic > 0) {
    out.moved /= traffic;
    out.rerouted /= traffic;
  }
  return out;
}

}  // namespace remapd::evaluation
