#include "tests/quality/drift.h"

#include <chrono>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/base/random.h"
#include "evaluation/rows_of_ids.h"
#include "evaluation/sample_stream.h"

namespace remapd::quality {
namespace {

using evaluation::EventLog;
using evaluation::OnlineMapper;
using evaluation::Prequential;

constexpr std::size_t kStretch = 4'096;  // samples between two looks at the progress
constexpr double kWarmUpShare = 0.5;     // of B

std::vector<std::uint32_t> permutation(std::uint32_t n, std::uint64_t seed) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  Random(seed).shuffle(std::span(out));
  return out;
}

evaluation::PrequentialFigures run_to_end(Prequential&& run, Progress& progress) {
  while (run.advance(kStretch)) {
    progress.show([&] {
      return fmt::format("{:.0f} % of B", 100.0 * static_cast<double>(run.done()) /
                                              static_cast<double>(run.samples()));
    });
  }
  return run.figures();
}

// One pass over A: the samples of B with the permuted feature's ids replaced.
void take_a(const EventLog& b, const DriftOptions& options, std::span<const std::uint32_t> other_id,
            std::uint64_t seed, OnlineMapper& mapper) {
  std::optional<evaluation::Negatives> negatives;
  if (options.contender.negatives) negatives = {*options.contender.negatives, seed};
  evaluation::SampleStream stream(b, negatives);
  std::vector<std::span<const std::uint32_t>> numbers(b.features());
  std::vector<std::uint32_t> permuted;
  while (stream.next()) {
    for (std::uint32_t f = 0; f < b.features(); ++f) numbers[f] = stream.numbers(FeatureIndex{f});
    permuted.clear();
    for (const std::uint32_t n : numbers[options.permuted.value]) permuted.push_back(other_id[n]);
    numbers[options.permuted.value] = permuted;
    mapper.take(numbers, stream.label());
    if (mapper.version_due()) mapper.publish_due();
  }
}

}  // namespace

Result<void> run_drift(const EventLog& log, const DriftOptions& options, std::uint64_t seed,
                       Progress& progress, const std::function<void(const DriftFigures&)>& tell) {
  if (!options.contender.negatives && !log.labelled()) {
    return fail(ErrorCode::kInvalidArgument,
                "the log has no labels to predict; name a column to draw negatives for with "
                "--negatives, or the label column with --label-column");
  }
  const EventLog b = log.shuffled(seed);
  const evaluation::PrequentialOptions protocol{.warm_up_share = kWarmUpShare,
                                                .negatives = options.contender.negatives,
                                                .migrate = options.contender.migrate,
                                                .seed = seed};
  const std::vector<evaluation::TableBudget> budgets =
      evaluation::table_budgets(b, b.features(), options.contender.rows_share);
  progress.begin("full");
  const double full =
      run_to_end({b, evaluation::full_table(b), protocol}, progress).normalised_entropy;
  progress.begin("hash");
  const double hash =
      run_to_end({b, evaluation::hashed_tables(b, budgets, seed), protocol}, progress)
          .normalised_entropy;

  const std::vector<std::uint32_t> other_id = permutation(b.distinct(options.permuted), seed);
  for (const std::uint32_t repeats : options.repeats) {
    const auto start = std::chrono::steady_clock::now();
    progress.begin(fmt::format("A {} times, then B", repeats));
    auto mapper = OnlineMapper::create(b, budgets, mapping::Strategy::kCombined,
                                       options.contender.mapper, seed);
    if (!mapper) return fail(std::move(mapper).error());
    for (std::uint32_t i = 0; i < repeats; ++i) {
      progress.show([&] { return fmt::format("{} times A", i); });
      take_a(b, options, other_id, seed + i, **mapper);
    }
    const evaluation::PrequentialFigures figures =
        run_to_end({b, std::move(*mapper), protocol}, progress);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    tell({.repeats = repeats,
          .normalised_entropy = figures.normalised_entropy,
          .full = full,
          .hash = hash,
          .gap_closed = (hash - figures.normalised_entropy) / (hash - full),
          .moved_median = figures.moved_median,
          .seconds = took.count()});
  }
  return {};
}

}  // namespace remapd::quality
