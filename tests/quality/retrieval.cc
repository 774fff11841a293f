#include "tests/quality/retrieval.h"

#include <array>
#include <chrono>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "evaluation/rows_of_ids.h"
#include "tests/quality/co_clusters.h"
#include "tests/quality/retrieval_figures.h"

namespace remapd::quality {
namespace {

constexpr FeatureIndex kTimestamp{2};
constexpr std::uint64_t kTieSeed = 0x746965;

struct SideRows {
  evaluation::RowsOfIds users;
  evaluation::RowsOfIds items;
  std::uint64_t versions = 0;
};

Result<SideRows> co_clustered(const RetrievalData& data, const RetrievalOptions& options,
                              std::uint64_t seed, Progress& progress) {
  std::uint64_t rows = 0;
  for (const evaluation::TableBudget& budget :
       evaluation::table_budgets(data.log(), 2, options.rows_share)) {
    rows += budget.rows;
  }
  CoAccessCounts counts(std::array{data.log().distinct(RetrievalData::kUser),
                                   data.log().distinct(RetrievalData::kItem)});
  for (const Pair& pair : data.train_pairs()) counts.add(0, pair.user, 1, pair.item);
  progress.show([] { return "clustering"; });
  auto sides = rows_by_co_clusters(counts, rows, seed);
  if (!sides) return fail(std::move(sides).error());
  return SideRows{std::move((*sides)[0]), std::move((*sides)[1])};
}

Result<SideRows> mapped_rows(const RetrievalData& data, mapping::Strategy strategy,
                             const RetrievalOptions& options, std::uint64_t seed,
                             Progress& progress) {
  const evaluation::EventLog& log = data.log();
  auto mapper = evaluation::OnlineMapper::create(
      log, evaluation::table_budgets(log, 2, options.rows_share), strategy, options.mapper, seed);
  if (!mapper) return fail(std::move(mapper).error());

  std::vector<Pair> order(data.train_pairs().begin(), data.train_pairs().end());
  Random random(hash_id(3, seed));
  for (std::uint32_t pass = 0; pass < options.passes; ++pass) {
    random.shuffle(std::span(order));
    for (std::size_t at = 0; at < order.size(); ++at) {
      const std::array<std::span<const std::uint32_t>, 2> numbers{std::span(&order[at].user, 1),
                                                                  std::span(&order[at].item, 1)};
      (*mapper)->take(numbers, std::numeric_limits<float>::quiet_NaN());
      if (options.publish_along && (*mapper)->version_due()) (*mapper)->publish_due();
      if (at % 4096 == 0) {
        progress.show([&] {
          return fmt::format("statistics, pass {} of {}, {:.0f} %", pass + 1, options.passes,
                             100.0 * static_cast<double>(at) / static_cast<double>(order.size()));
        });
      }
    }
  }
  (*mapper)->finish();
  (*mapper)->publish_all();
  return SideRows{(*mapper)->rows(RetrievalData::kUser), (*mapper)->rows(RetrievalData::kItem),
                  (*mapper)->versions()};
}

}  // namespace

Result<RetrievalData> RetrievalData::read(const std::filesystem::path& path,
                                          const std::string& user, const std::string& item,
                                          Progress& progress) {
  evaluation::EventLogOptions options;
  options.path = path;
  options.features = {user, item, "timestamp"};
  options.labels = false;
  auto log = evaluation::EventLog::read(options, [&](std::size_t samples) {
    progress.show([&] { return fmt::format("{} samples", samples); });
  });
  if (!log) return fail(std::move(log).error());

  std::vector<Pair> train;
  std::vector<Pair> test;
  for (std::size_t sample = 0; sample < log->samples(); ++sample) {
    const auto users = log->numbers(kUser, sample);
    const auto items = log->numbers(kItem, sample);
    const auto times = log->numbers(kTimestamp, sample);
    if (users.size() != 1 || items.size() != 1 || times.size() != 1) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("event {} does not have one {}, one {} and one timestamp", sample + 1,
                              user, item));
    }
    const Id time = log->ids(kTimestamp)[times[0]];
    if (time > 1) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("event {} has timestamp {}; retrieval takes a log whose timestamps are "
                      "0 (train) and 1 (test)",
                      sample + 1, time));
    }
    (time == 0 ? train : test).push_back({users[0], items[0]});
  }
  if (train.empty() || test.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "retrieval needs events with timestamp 0 (train) and with timestamp 1 (test)");
  }
  return RetrievalData(std::move(*log), std::move(train), test);
}

RetrievalData::RetrievalData(evaluation::EventLog log, std::vector<Pair> train_pairs,
                             std::span<const Pair> test_pairs)
    : log_(std::move(log)),
      train_pairs_(std::move(train_pairs)),
      train_(train_pairs_, log_.distinct(kUser)),
      test_(test_pairs, log_.distinct(kUser)) {}

Result<RetrievalRun> run_retrieval(const RetrievalData& data, const Contender& contender,
                                   const RetrievalOptions& options, std::uint64_t seed,
                                   Progress& progress) {
  const auto start = std::chrono::steady_clock::now();
  const evaluation::EventLog& log = data.log();
  SideRows rows;
  if (contender.kind == Contender::Kind::kMapped) {
    auto mapped = mapped_rows(data, contender.strategy, options, seed, progress);
    if (!mapped) return fail(std::move(mapped).error());
    rows = std::move(*mapped);
  } else if (contender.kind == Contender::Kind::kLouvain) {
    auto clustered = co_clustered(data, options, seed, progress);
    if (!clustered) return fail(std::move(clustered).error());
    rows = std::move(*clustered);
  } else {
    rows.users = evaluation::own_rows(log.distinct(RetrievalData::kUser));
    rows.items = evaluation::own_rows(log.distinct(RetrievalData::kItem));
  }

  BprModel model(rows.users, rows.items, seed);
  for (int epoch = 0; epoch < model.settings().epochs; ++epoch) {
    progress.show([&] {
      return fmt::format("training, epoch {} of {}", epoch + 1, model.settings().epochs);
    });
    model.learn_epoch(data.train_pairs(), data.train());
  }
  progress.show([] { return "ranking"; });
  std::vector<std::uint64_t> hashes;
  for (const Id id : log.ids(RetrievalData::kItem)) hashes.push_back(hash_id(id, kTieSeed));
  const RetrievalFigures figures =
      retrieval_figures(model, data.train(), data.test(), hashes, options.user_stride);

  RetrievalRun run;
  run.recall = figures.recall;
  run.auc = figures.auc;
  run.users = figures.users;
  run.rows = std::uint64_t{rows.users.rows} + rows.items.rows;
  run.versions = rows.versions;
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

}  // namespace remapd::quality
