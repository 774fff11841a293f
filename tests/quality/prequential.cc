#include "tests/quality/prequential.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "evaluation/rows_of_ids.h"
#include "tests/quality/co_clusters.h"

namespace remapd::quality {
namespace {

constexpr std::size_t kStretch = 4'096;  // samples between two looks at the progress

// Rows for the whole log at once, by the ids its events have together, whatever their labels.
Result<std::vector<evaluation::RowsOfIds>> co_clustered(const evaluation::EventLog& log,
                                                        const ContenderOptions& options,
                                                        std::uint64_t seed, Progress& progress) {
  const auto features = static_cast<std::uint32_t>(log.features());
  const std::vector<evaluation::TableBudget> budgets =
      evaluation::table_budgets(log, features, options.rows_share);
  std::vector<evaluation::RowsOfIds> out;
  std::vector<FeatureIndex> sides;
  std::vector<std::uint32_t> ids;
  std::uint64_t rows = 0;
  for (std::uint32_t f = 0; f < features; ++f) {
    out.push_back(evaluation::own_rows(log.distinct(FeatureIndex{f})));
    if (!budgets[f].mapped) continue;
    sides.push_back(FeatureIndex{f});
    ids.push_back(log.distinct(FeatureIndex{f}));
    rows += budgets[f].rows;
  }
  if (sides.empty()) return out;
  CoAccessCounts counts(ids);
  for (std::size_t event = 0; event < log.samples(); ++event) {
    for (std::uint32_t a = 0; a < sides.size(); ++a) {
      for (std::uint32_t b = a + 1; b < sides.size(); ++b) {
        for (const std::uint32_t one : log.numbers(sides[a], event)) {
          for (const std::uint32_t other : log.numbers(sides[b], event)) {
            counts.add(a, one, b, other);
          }
        }
      }
    }
  }
  progress.show([] { return "clustering"; });
  auto clustered = rows_by_co_clusters(counts, rows, seed);
  if (!clustered) return fail(std::move(clustered).error());
  for (std::size_t side = 0; side < sides.size(); ++side) {
    out[sides[side].value] = std::move((*clustered)[side]);
  }
  return out;
}

// The contender at the start of the log.
Result<evaluation::Prequential> start_of(const evaluation::EventLog& log,
                                         const Contender& contender,
                                         const ContenderOptions& options, std::uint64_t seed,
                                         Progress& progress) {
  const evaluation::PrequentialOptions protocol{
      .negatives = options.negatives, .migrate = options.migrate, .seed = seed};
  if (contender.kind == Contender::Kind::kMapped) {
    auto mapper = evaluation::OnlineMapper::create(
        log, evaluation::table_budgets(log, log.features(), options.rows_share), contender.strategy,
        options.mapper, seed);
    if (!mapper) return fail(std::move(mapper).error());
    return evaluation::Prequential(log, std::move(*mapper), protocol);
  }
  if (contender.kind == Contender::Kind::kFull)
    return evaluation::Prequential(log, evaluation::full_table(log), protocol);
  auto clustered = co_clustered(log, options, seed, progress);
  if (!clustered) return fail(std::move(clustered).error());
  return evaluation::Prequential(log, std::move(*clustered), protocol);
}

}  // namespace

Result<ContenderFigures> run_prequential(const evaluation::EventLog& log,
                                         const Contender& contender,
                                         const ContenderOptions& options, std::uint64_t seed,
                                         Progress& progress) {
  if (!options.negatives && !log.labelled()) {
    return fail(ErrorCode::kInvalidArgument,
                "the log has no labels to predict; name a column to draw negatives for with "
                "--negatives, or the label column with --label-column");
  }
  const auto start = std::chrono::steady_clock::now();
  auto run = start_of(log, contender, options, seed, progress);
  if (!run) return fail(std::move(run).error());
  while (run->advance(kStretch)) {
    progress.show([&] {
      return fmt::format(
          "{:.0f} % of the samples{}",
          100.0 * static_cast<double>(run->done()) / static_cast<double>(run->samples()),
          run->versions() > 0 ? fmt::format(", {} versions", run->versions()) : "");
    });
  }
  ContenderFigures figures{run->figures()};
  figures.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return figures;
}

}  // namespace remapd::quality
