#include "evaluation/row_advice.h"

#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace remapd::evaluation {
namespace {

using Verdict = RowAdvice::Verdict;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(AdviseRows, TakesTheSmallestBudgetWithin) {
  const std::vector<BudgetLoss> budgets{
      {100, 0.001, 0.0001}, {25, 0.009, 0.0001}, {50, 0.004, 0.0001}};
  const RowAdvice advice = advise_rows(budgets, 0.005);
  EXPECT_EQ(advice.verdict, Verdict::kTake);
  EXPECT_EQ(advice.budget, 2u);
  EXPECT_EQ(advise_rows(budgets, 0.01).budget, 1u);
  EXPECT_EQ(advise_rows(budgets, 0.0005).verdict, Verdict::kNoneWithin);
}

TEST(AdviseRows, BetterThanTheFullTableIsWithin) {
  EXPECT_EQ(advise_rows(std::vector<BudgetLoss>{{10, -0.02, 0.001}}, 0.005).verdict,
            Verdict::kTake);
}

TEST(AdviseRows, DoesNotTakeNoiseForQuality) {
  EXPECT_EQ(advise_rows(std::vector<BudgetLoss>{{10, 0.001, 0.01}}, 0.005).verdict,
            Verdict::kTooShort);
  EXPECT_EQ(advise_rows(std::vector<BudgetLoss>{{10, 0.006, 0.001}}, 0.005).verdict,
            Verdict::kTooShort)
      << "may be within";
  EXPECT_EQ(advise_rows(std::vector<BudgetLoss>{{10, 0.006, 0.0001}}, 0.005).verdict,
            Verdict::kNoneWithin);
  EXPECT_EQ(advise_rows(std::vector<BudgetLoss>{{10, kNan, kNan}}, 0.005).verdict,
            Verdict::kTooShort);
  EXPECT_EQ(advise_rows({}, 0.005).verdict, Verdict::kNoneWithin);
  const std::vector<BudgetLoss> sure_above_unsure{{10, 0.006, 0.001}, {20, 0.001, 0.001}};
  EXPECT_EQ(advise_rows(sure_above_unsure, 0.005).budget, 1u);
}

TEST(Verdict, HasAName) {
  EXPECT_EQ(to_string(Verdict::kTake), "take");
  EXPECT_EQ(to_string(Verdict::kNoneWithin), "none_within");
  EXPECT_EQ(to_string(Verdict::kTooShort), "too_short");
}

}  // namespace
}  // namespace remapd::evaluation
