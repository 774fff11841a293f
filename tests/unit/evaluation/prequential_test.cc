#include "evaluation/prequential.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/evaluation/planted_log.h"

namespace remapd::evaluation {
namespace {

using ::testing::ElementsAreArray;

constexpr std::size_t kEvents = 6'000;

const EventLog& planted() {
  static const EventLog log = make_log(labelled_log(kEvents));
  return log;
}

Prequential combined() {
  auto mapper = OnlineMapper::create(planted(), table_budgets(planted(), planted().features(), 0.1),
                                     mapping::Strategy::kCombined, {}, 1);
  EXPECT_TRUE(mapper.has_value());
  return {planted(), std::move(*mapper), {}};
}

TEST(Prequential, StretchesDoNotMatterAndRunsSideBySideDoNotDisturbEachOther) {
  Prequential at_once = combined();
  EXPECT_FALSE(at_once.advance(kEvents));

  Prequential in_stretches = combined();
  Prequential beside(planted(), full_table(planted()), {});
  bool more = true;
  while (more) {
    more = in_stretches.advance(777);
    EXPECT_EQ(beside.advance(777), more);
  }
  EXPECT_EQ(in_stretches.done(), kEvents);
  EXPECT_THAT(in_stretches.predictions(), ElementsAreArray(at_once.predictions()));
  EXPECT_THAT(in_stretches.labels(), ElementsAreArray(beside.labels()));
  EXPECT_EQ(in_stretches.labels().size(), kEvents * 4 / 5) << "the first fifth only warms up";
  EXPECT_EQ(in_stretches.versions(), at_once.versions());
  EXPECT_GT(at_once.versions(), 1u);
}

TEST(Prequential, TellsNothingBeforeTheWarmUpIsOver) {
  Prequential run(planted(), full_table(planted()), {});
  EXPECT_TRUE(run.advance(kEvents / 5));
  EXPECT_TRUE(run.predictions().empty());
  EXPECT_TRUE(run.advance(1));
  EXPECT_EQ(run.predictions().size(), 1u);
}

TEST(Prequential, NegativesDoubleTheSamples) {
  Prequential run(planted(), full_table(planted()), {.negatives = FeatureIndex{1}});
  EXPECT_EQ(run.samples(), 2 * kEvents);
}

}  // namespace
}  // namespace remapd::evaluation
