#include "connectors/trainer/examples/click_trainer/remapd_tables.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace remapd::click_trainer {
namespace {

using namespace std::chrono_literals;

// Versions of the daemon that the trainer has yet to reach; it is ahead by few.
constexpr std::size_t kMaxStaged = 4096;
constexpr auto kPollInterval = 5ms;

bool reaches(const TableHistory& history, const std::vector<trainer::StagedVersion>& staged,
             std::uint64_t samples) {
  if (!staged.empty()) return staged.back().manifest.built_samples >= samples;
  return history.served && history.served->built_samples >= samples;
}

}  // namespace

Result<std::unique_ptr<RemapdTables>> RemapdTables::create(std::span<const Table> tables,
                                                           std::uint64_t seed,
                                                           const SourceOf& source_of) {
  std::unique_ptr<RemapdTables> out(new RemapdTables(tables.size()));
  for (std::uint32_t f = 0; f < tables.size(); ++f) {
    if (!tables[f].shared()) continue;
    auto source = source_of(tables[f].feature);
    if (!source) return fail(std::move(source).error());
    auto client = trainer::Client::create(std::move(*source), {.table = tables[f].feature,
                                                               .rows = tables[f].rows,
                                                               .seed = seed,
                                                               .max_staged = kMaxStaged});
    if (!client) return fail(std::move(client).error());
    trainer::Reader reader = (*client)->reader();
    out->of_feature_[f] = out->tables_.size();
    out->tables_.push_back({.feature = FeatureIndex{f},
                            .name = tables[f].feature,
                            .client = std::move(*client),
                            .reader = std::move(reader),
                            .history = {}});
  }
  return out;
}

Result<void> RemapdTables::poll() {
  for (const Followed& table : tables_) {
    if (auto polled = table.client->poll(0ms); !polled) return fail(std::move(polled).error());
  }
  return {};
}

Result<void> RemapdTables::await(std::uint64_t samples, std::chrono::milliseconds patience) {
  for (const Followed& table : tables_) {
    auto deadline = std::chrono::steady_clock::now() + patience;
    while (!reaches(table.history, table.client->staged(), samples)) {
      const auto polled = table.client->poll(kPollInterval);
      if (!polled && !polled.error().retryable) return fail(polled.error());
      if (polled && *polled > 0) deadline = std::chrono::steady_clock::now() + patience;
      if (std::chrono::steady_clock::now() < deadline) continue;
      const trainer::ClientStats stats = table.client->stats();
      return fail(ErrorCode::kUnavailable,
                  fmt::format("no version of table \"{}\" built from {} samples after {} s: is "
                              "remapd running, with this table, schedule and sink?{}",
                              table.name, samples, std::chrono::duration<double>(patience).count(),
                              stats.last_problem.empty() ? "" : " " + stats.last_problem));
    }
  }
  return {};
}

Result<std::size_t> RemapdTables::swap(std::uint64_t samples, quality::FmModel& model) {
  std::size_t swapped = 0;
  for (Followed& table : tables_) {
    const std::uint64_t before = table.history.swapped;
    if (auto ok = swap(table, samples, model); !ok) return fail(std::move(ok).error());
    swapped += table.history.swapped - before;
  }
  return swapped;
}

Result<void> RemapdTables::swap(Followed& table, std::uint64_t samples, quality::FmModel& model) {
  std::optional<mapping::Manifest> target;
  for (trainer::StagedVersion& staged : table.client->staged()) {
    if (staged.swappable && staged.manifest.built_samples <= samples) {
      target = std::move(staged.manifest);
    }
  }
  if (!target) return {};

  const std::uint32_t rows_here = model.table(table.feature).rows();
  if (target->info.rows != rows_here) {
    return fail(ErrorCode::kConfig,
                fmt::format("table \"{}\" has {} rows in version {} and {} here: give both the "
                            "same row budget (rows of [[table]] in the daemon, --share here)",
                            table.name, target->info.rows, target->info.version.value, rows_here));
  }
  auto migration = table.client->swap_to(target->info.version);
  if (!migration) return fail(std::move(migration).error());
  quality::FmTable& rows = model.table(table.feature);
  const auto applied = migration->apply(rows.matrix(), quality::kFmColumns).and_then([&] {
    return migration->apply_to_state(rows.state(), 1, quality::kFmSettings.initial_accumulator);
  });
  if (!applied) return fail(Error(applied.error()).with_context("table " + target->info.table));
  TableHistory& history = table.history;
  ++history.swapped;
  if (target->info.parent != kNoVersion) history.moved.push_back(target->stats.traffic_moved);
  history.served = std::move(target);
  return {};
}

void RemapdTables::place(FeatureIndex feature, std::span<const Id> ids, std::vector<Row>& first,
                         std::vector<Row>& second) {
  Followed& table = tables_[of_feature_[feature.value]];
  const trainer::Pin pin = table.reader.pin();
  first.resize(ids.size());
  pin.lookup(ids, first);
  second.clear();
  const auto& served = table.history.served;
  if (served && served->info.strategy == mapping::Strategy::kDoubleHash) {
    second.resize(ids.size());
    pin.lookup_second(ids, second);
  }
}

TableHistory RemapdTables::history(FeatureIndex feature) const {
  const Followed& table = tables_[of_feature_[feature.value]];
  TableHistory out = table.history;
  out.published = table.client->stats().manifests;
  return out;
}

}  // namespace remapd::click_trainer
