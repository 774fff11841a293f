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

double total(std::span<const std::uint32_t> accesses) {
  return std::accumulate(accesses.begin(), accesses.end(), 0.0);
}

// The accesses by ids whose row differs.
double changed(const RowsOfIds& before, const RowsOfIds& now,
               std::span<const std::uint32_t> accesses) {
  double sum = 0;
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    if (before.first[i] != now.first[i]) sum += accesses[i];
  }
  return sum;
}

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
    tables_.push_back({budgets[f], pipeline::PublishSchedule(schedule), kNoVersion,
                       std::vector<std::uint32_t>(log_.distinct(FeatureIndex{f}))});
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
  return publish([this](const Table& table) { return table.schedule.due(samples_); });
}

Publication OnlineMapper::publish_all() {
  return publish([](const Table&) { return true; });
}

template <class IsWanted>
Publication OnlineMapper::publish(IsWanted is_wanted) {
  ingest();
  Publication out;
  double traffic = 0;
  next_due_ = std::numeric_limits<std::uint64_t>::max();
  for (std::uint32_t f = 0; f < tables_.size(); ++f) {
    Table& table = tables_[f];
    if (!table.budget.mapped) continue;
    if (is_wanted(table)) {
      const FeatureIndex feature{f};
      table.version = Version{table.version.value + 1};
      pipeline::BuildJobPtr job = engine_->begin_build(
          {.table = TableIndex{f}, .version = table.version, .epoch = Epoch{1}});
      pipeline::BuildOutcome outcome = pipeline::run_build(std::move(job));
      engine_->adopt(outcome);

      const Bytes bytes = mapping::encode_artifact(outcome.mapping);
      const auto artifact = mapping::ArtifactView::open(bytes, mapping::Verify::kAll);
      REMAPD_CHECK(artifact.has_value(), "an artifact just encoded can be opened");
      RowsOfIds rows = rows_by_artifact(log_.ids(feature), *artifact);

      const double of_table = total(table.accesses);
      traffic += of_table;
      out.moved += outcome.mapping.stats.traffic_moved * of_table;
      out.rerouted += changed(rows_[f], rows, table.accesses);
      out.tables.push_back({feature, std::move(outcome.plan)});
      rows_[f] = std::move(rows);
      table.schedule.done(samples_, engine_->tracked_ids(TableIndex{f}));
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
