#include "evaluation/side_by_side.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/evaluation/planted_log.h"

namespace remapd::evaluation {
namespace {

using ::testing::ElementsAreArray;

constexpr std::size_t kEvents = 6'000;

TEST(RunSideBySide, GivesTheFiguresOfRunningAlone) {
  const EventLog log = make_log(labelled_log(kEvents));
  const auto budgets = table_budgets(log, log.features(), 0.1);
  const auto start = [&](mapping::Strategy strategy) {
    auto mapper = OnlineMapper::create(log, budgets, strategy, {}, 1);
    EXPECT_TRUE(mapper.has_value());
    return Prequential(log, std::move(*mapper), {});
  };
  std::vector<Prequential> runs;
  runs.push_back(start(mapping::Strategy::kCombined));
  runs.push_back(start(mapping::Strategy::kFrequency));
  runs.emplace_back(log, full_table(log), PrequentialOptions{});
  std::vector<double> told;
  run_side_by_side(runs, [&](double done) { told.push_back(done); });

  EXPECT_EQ(told.back(), 1);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  Prequential alone = start(mapping::Strategy::kCombined);
  alone.advance(kEvents);
  EXPECT_EQ(runs[0].done(), kEvents);
  EXPECT_THAT(runs[0].predictions(), ElementsAreArray(alone.predictions()));
  EXPECT_EQ(runs[2].done(), kEvents);
}

TEST(RunSideBySide, NothingIsDoneForNobody) {
  run_side_by_side({}, [](double) { FAIL(); });
}

}  // namespace
}  // namespace remapd::evaluation
