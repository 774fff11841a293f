#include "examples/click_trainer/remapd_tables.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace remapd::click_trainer {
namespace {

using namespace std::chrono_literals;

// A daemon that is ahead stays there until the log ends.
constexpr std::size_t kMaxStaged = 4096;
constexpr auto kPollInterval = 5ms;

}  // namespace

Result<std::unique_ptr<RemapdTables>> RemapdTables::create(std::span<const Table> tables,
                                                           const FollowOptions& options,
                                                           const SourceOf& source_of) {
  std::unique_ptr<RemapdTables> out(new RemapdTables(tables.size(), options));
  for (std::uint32_t f = 0; f < tables.size(); ++f) {
    if (!tables[f].shared()) continue;
    auto source = source_of(tables[f].feature);
    if (!source) return fail(std::move(source).error());
    auto client = client::Client::create(std::move(*source), {.table = tables[f].feature,
                                                              .rows = tables[f].rows,
                                                              .seed = options.seed,
                                                              .max_staged = kMaxStaged});
    if (!client) return fail(std::move(client).error());
    // Finds what there is, so that nothing later is missed.
    if (auto polled = (*client)->poll(options.first_look); !polled) {
      return fail(std::move(polled).error());
    }
    client::Reader reader = (*client)->reader();
    out->of_feature_[f] = out->tables_.size();
    Followed& table =
        out->tables_.emplace_back(FeatureIndex{f}, tables[f].feature, std::move(*client),
                                  std::move(reader), options.first_samples);
    table.ahead = table.client->staged();
    if (options.in_step && !table.ahead.empty() &&
        table.ahead.front().manifest.info.parent != kNoVersion) {
      return fail(ErrorCode::kConflict,
                  fmt::format("table \"{}\" is at version {} already: to be in step with remapd a "
                              "trainer follows from the first version on; start it before remapd, "
                              "with a directory or topic of its own, or without waiting (--free)",
                              table.name, table.ahead.back().manifest.info.version.value));
    }
  }
  return out;
}

std::uint64_t RemapdTables::next_stop() const {
  std::uint64_t stop = std::numeric_limits<std::uint64_t>::max();
  if (!options_.in_step) return stop;
  for (const Followed& table : tables_) stop = std::min(stop, table.stop());
  return stop;
}

Result<std::vector<FeatureIndex>> RemapdTables::advance(std::uint64_t samples,
                                                        evaluation::FmModel& model) {
  std::vector<FeatureIndex> swapped;
  for (Followed& table : tables_) {
    if (!options_.in_step) {
      if (auto polled = table.client->poll(0ms); !polled) return fail(std::move(polled).error());
      table.ahead = table.client->staged();
    } else if (table.ahead.empty() && table.stop() <= samples) {
      if (auto ok = await_version(table, samples); !ok) return fail(std::move(ok).error());
    }
    const auto done = swap(table, samples, model);
    if (!done) return fail(done.error());
    if (*done) swapped.push_back(table.feature);
  }
  return swapped;
}

Result<void> RemapdTables::finish(std::uint64_t samples, evaluation::FmModel& model) {
  for (Followed& table : tables_) {
    while (!table.history.served || table.history.served->built_samples < samples) {
      if (auto ok = await_version(table, samples); !ok) return ok;
      if (const auto done = swap(table, samples, model); !done) return fail(done.error());
      // Built later: this daemon reads on.
      if (!table.ahead.empty()) break;
    }
  }
  return {};
}

Result<void> RemapdTables::await_version(Followed& table, std::uint64_t samples) const {
  const auto deadline = std::chrono::steady_clock::now() + options_.patience;
  while (table.ahead.empty()) {
    const auto polled = table.client->poll(kPollInterval);
    if (!polled && !polled.error().retryable) return fail(polled.error());
    table.ahead = table.client->staged();
    if (std::chrono::steady_clock::now() < deadline) continue;
    const std::string problem =
        polled ? table.client->stats().last_problem : polled.error().message;
    return fail(
        ErrorCode::kUnavailable,
        fmt::format(
            "no new version of table \"{}\" within {} s, though one is due after {} "
            "samples: is remapd running, with this table, seed and [publish] first_samples?{}",
            table.name, std::chrono::duration<double>(options_.patience).count(), samples,
            problem.empty() ? "" : " Last problem: " + problem));
  }
  return {};
}

Result<bool> RemapdTables::swap(Followed& table, std::uint64_t samples,
                                evaluation::FmModel& model) const {
  // A model that has learned nothing yet has nothing to migrate, and may start anywhere.
  const bool fresh = samples == 0 && !options_.in_step;
  const std::uint64_t reached = fresh ? std::numeric_limits<std::uint64_t>::max() : samples;
  std::optional<mapping::Manifest> target;
  for (const client::StagedVersion& staged : table.ahead) {
    if (staged.manifest.built_samples > reached) break;
    table.due_at = staged.manifest.next_samples;
    if (staged.swappable) target = staged.manifest;
  }
  std::erase_if(table.ahead, [&](const client::StagedVersion& staged) {
    return staged.manifest.built_samples <= reached;
  });
  if (!target) return false;

  evaluation::FmTable& rows = model.table(table.feature);
  if (target->info.rows != rows.rows()) {
    return fail(
        ErrorCode::kConfig,
        fmt::format("table \"{}\" has {} rows in version {} and {} here: give both the "
                    "same row budget (rows of [[table]] in the daemon, --share here)",
                    table.name, target->info.rows, target->info.version.value, rows.rows()));
  }
  const auto migration = table.client->swap_to(
      target->info.version, fresh ? client::Unmigrated::kAllow : client::Unmigrated::kRefuse);
  if (!migration) return fail(migration.error());
  const auto applied = fresh
                           ? Result<void>()
                           : migration->apply(rows.matrix(), evaluation::kFmColumns).and_then([&] {
                               return migration->apply_to_state(
                                   rows.state(), 1, evaluation::kFmSettings.initial_accumulator);
                             });
  if (!applied) return fail(Error(applied.error()).with_context("table " + table.name));

  ++table.history.swapped;
  if (target->info.parent != kNoVersion) {
    table.history.moved.push_back(target->stats.traffic_moved);
  }
  table.history.served = std::move(target);
  return true;
}

void RemapdTables::place(FeatureIndex feature, std::span<const Id> ids, std::vector<Row>& first,
                         std::vector<Row>& second) {
  Followed& table = tables_[of_feature_[feature.value]];
  const client::Pin pin = table.reader.pin();
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
  client::ClientStats stats = table.client->stats();
  out.published = stats.manifests;
  out.rejected = stats.rejected;
  out.problem = std::move(stats.last_problem);
  return out;
}

}  // namespace remapd::click_trainer
