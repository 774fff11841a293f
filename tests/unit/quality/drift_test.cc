#include "tests/quality/drift.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/evaluation/planted_log.h"

namespace remapd::quality {
namespace {

constexpr std::size_t kEvents = 20'000;

std::vector<DriftFigures> figures(const DriftOptions& options, std::uint64_t seed = 1) {
  static const evaluation::EventLog log = evaluation::make_log(evaluation::labelled_log(kEvents));
  std::vector<DriftFigures> out;
  Progress progress;
  const auto ok =
      run_drift(log, options, seed, progress, [&](const DriftFigures& run) { out.push_back(run); });
  EXPECT_TRUE(ok.has_value());
  return out;
}

TEST(RunDrift, WhatWasLearnedBeforeIsWorthMoreWhereNothingHasChanged) {
  const auto items = figures({.permuted = FeatureIndex{1}, .repeats = {0, 2}, .contender = {}});
  // Of the seven days none is mapped: A is to the mapper what B is.
  const auto days = figures({.permuted = FeatureIndex{2}, .repeats = {0, 2}, .contender = {}});
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].repeats, 0u);
  EXPECT_EQ(items[1].repeats, 2u);
  EXPECT_LT(items[0].full, items[0].hash);
  EXPECT_EQ(items[1].full, items[0].full) << "models know nothing of A";
  EXPECT_EQ(items[1].hash, items[0].hash);
  EXPECT_EQ(items[0].normalised_entropy, days[0].normalised_entropy);
  EXPECT_GT(items[0].gap_closed, 0.5);
  EXPECT_GT(days[1].gap_closed, days[0].gap_closed);
  EXPECT_LT(items[1].gap_closed, days[1].gap_closed - 0.3);
}

TEST(RunDrift, TheSeedDecidesEverything) {
  const DriftOptions options{.permuted = FeatureIndex{1}, .repeats = {1}, .contender = {}};
  EXPECT_EQ(figures(options)[0].normalised_entropy, figures(options)[0].normalised_entropy);
  EXPECT_NE(figures(options)[0].normalised_entropy, figures(options, 2)[0].normalised_entropy);
}

TEST(RunDrift, NeedsSomethingToPredict) {
  const evaluation::EventLog log =
      evaluation::make_log("timestamp\tuser\titem\n1\t1\t2\n2\t3\t4\n", {"user", "item"});
  Progress progress;
  const auto refused =
      run_drift(log, {.permuted = FeatureIndex{1}, .repeats = {0}, .contender = {}}, 1, progress,
                [](const DriftFigures&) {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("--negatives"), std::string::npos);
}

}  // namespace
}  // namespace remapd::quality
