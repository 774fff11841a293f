#include "evaluation/metrics.h"

#include <cmath>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::evaluation {
namespace {

TEST(LogLoss, IsMinusTheLogOfWhatHappened) {
  EXPECT_DOUBLE_EQ(log_loss(0.25, true), std::log(4.0));
  EXPECT_DOUBLE_EQ(log_loss(0.25, false), -std::log(0.75));
  EXPECT_TRUE(std::isfinite(log_loss(0, true)));
  EXPECT_TRUE(std::isfinite(log_loss(1, false)));
}

TEST(BaseRateEntropy, OfAFairCoinIsOneBitAndOfACertainOneNothing) {
  EXPECT_DOUBLE_EQ(base_rate_entropy(0.5), std::log(2.0));
  EXPECT_EQ(base_rate_entropy(0), 0);
  EXPECT_EQ(base_rate_entropy(1), 0);
}

TEST(LossFigures, PredictingTheBaseRateIsOne) {
  const std::vector<float> labels{1, 0, 0, 0, 1, 0, 0, 0};
  const std::vector<float> base(labels.size(), 0.25f);
  EXPECT_NEAR(loss_figures(base, labels).normalised_entropy, 1, 1e-6);
  EXPECT_NEAR(loss_figures(base, labels).log_loss, base_rate_entropy(0.25), 1e-6);

  std::vector<float> better = base;
  better[0] = 0.9f;
  EXPECT_LT(loss_figures(better, labels).normalised_entropy, 1);
}

TEST(LossFigures, WithoutBothClassesThereIsNoNormalisedEntropy) {
  const std::vector<float> half{0.5f, 0.5f};
  const std::vector<float> ones{1, 1};
  EXPECT_TRUE(std::isnan(loss_figures(half, ones).normalised_entropy));
  EXPECT_NEAR(loss_figures(half, ones).log_loss, std::log(2.0), 1e-6);
  EXPECT_TRUE(std::isnan(loss_figures({}, {}).log_loss));
}

TEST(AreaUnderCurve, EqualsCountingEveryPair) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<float> scores;
    std::vector<float> labels;
    for (int i = 0; i < 200; ++i) {
      scores.push_back(static_cast<float>(random.below(30)));  // many ties
      labels.push_back(random.below(3) == 0 ? 1.0f : 0.0f);
    }
    double won = 0;
    double pairs = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      for (std::size_t j = 0; j < scores.size(); ++j) {
        if (labels[i] != 1 || labels[j] != 0) continue;
        pairs += 1;
        won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
      }
    }
    EXPECT_NEAR(area_under_curve(scores, labels), won / pairs, 1e-12);
  }
}

TEST(AreaUnderCurve, NeedsBothClasses) {
  const std::vector<float> scores{1, 2};
  const std::vector<float> ones{1, 1};
  EXPECT_TRUE(std::isnan(area_under_curve(scores, ones)));
}

TEST(Summaries, OfAFewNumbers) {
  const std::vector<double> odd{9, 1, 2};
  const std::vector<double> even{4, 1, 2, 9};
  EXPECT_DOUBLE_EQ(mean(odd), 4);
  EXPECT_DOUBLE_EQ(median(odd), 2);
  EXPECT_DOUBLE_EQ(median(even), 3);
  EXPECT_DOUBLE_EQ(sample_deviation(odd), std::sqrt(19.0));
  EXPECT_DOUBLE_EQ(sample_deviation(std::vector<double>{3}), 0);
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(LossDifference, IsTheMeanOfWhatEachEventLosesAndHowSureThatIs) {
  const std::vector<float> labels{1, 0, 1};
  const std::vector<float> reference{0.5f, 0.5f, 0.5f};
  const std::vector<float> same = reference;
  EXPECT_EQ(loss_difference(same, reference, labels).mean, 0);
  EXPECT_EQ(loss_difference(same, reference, labels).standard_error, 0);
  // Loses ln 2 on the first, wins ln(1.5) on the second, nothing on the third.
  const std::vector<float> other{0.25f, 0.25f, 0.5f};
  const LossDifference difference = loss_difference(other, reference, labels);
  const double a = std::log(2.0);
  const double b = -std::log(1.5);
  const double mean_more = (a + b) / 3;
  const double variance =
      (std::pow(a - mean_more, 2) + std::pow(b - mean_more, 2) + std::pow(mean_more, 2)) / 2;
  EXPECT_NEAR(difference.mean, mean_more, 1e-9);
  EXPECT_NEAR(difference.standard_error, std::sqrt(variance / 3), 1e-9);
  EXPECT_TRUE(std::isnan(loss_difference({}, {}, {}).mean));
}

}  // namespace
}  // namespace remapd::evaluation
