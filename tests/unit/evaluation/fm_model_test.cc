#include "evaluation/fm_model.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::evaluation {
namespace {

// A sample of a three-feature model: one row, two rows (one of them twice), none.
class FmModelTest : public testing::Test {
 protected:
  FmModelTest() {
    Random random(7);
    for (std::uint32_t f = 0; f < kFeatures; ++f) {
      for (float& value : model_.table(FeatureIndex{f}).matrix()) {
        value = static_cast<float>(random.normal()) * 0.3f;
      }
    }
  }

  double loss(bool label) {
    model_.set_sample(sample_);
    return -std::log(label ? model_.predict() : 1 - model_.predict());
  }

  static constexpr std::uint32_t kFeatures = 4;
  const std::vector<std::uint32_t> rows_{5, 4, 3, 6};
  FmModel model_{rows_, 1};
  std::vector<Row> first_{Row{3}};
  std::vector<Row> second_{Row{0}, Row{2}};
  std::vector<Row> third_{};
  std::vector<Row> fourth_{Row{5}, Row{1}, Row{5}};
  std::vector<std::span<const Row>> sample_{first_, second_, third_, fourth_};
};

TEST_F(FmModelTest, ScoreIsTheSumOverPairsOfFeatures) {
  double score = 0;
  std::vector<FmModel::Embedding> sums(kFeatures);
  for (std::uint32_t f = 0; f < kFeatures; ++f) {
    for (const Row row : sample_[f]) {
      for (std::size_t k = 0; k < kFmColumns; ++k) {
        sums[f][k] += model_.table(FeatureIndex{f}).matrix()[row.value * kFmColumns + k];
      }
    }
    score += sums[f][kFmFactors];
    for (std::uint32_t g = 0; g < f; ++g) {
      for (std::size_t k = 0; k < kFmFactors; ++k) score += sums[f][k] * sums[g][k];
    }
  }
  model_.set_sample(sample_);
  EXPECT_NEAR(model_.predict(), 1 / (1 + std::exp(-score)), 1e-6);
}

TEST_F(FmModelTest, GradientMatchesFiniteDifferences) {
  constexpr float kStep = 1e-2f;
  for (const bool label : {false, true}) {
    for (std::uint32_t f = 0; f < kFeatures; ++f) {
      model_.set_sample(sample_);
      const FmModel::Embedding gradient = model_.gradient(FeatureIndex{f}, label);
      for (std::size_t k = 0; k < kFmColumns; ++k) {
        if (sample_[f].empty()) continue;
        const Row row = sample_[f].front();
        const auto times = std::count(sample_[f].begin(), sample_[f].end(), row);
        float& value = model_.table(FeatureIndex{f}).matrix()[row.value * kFmColumns + k];
        const float before = value;
        value = before + kStep;
        const double above = loss(label);
        value = before - kStep;
        const double below = loss(label);
        value = before;
        EXPECT_NEAR(gradient[k] * static_cast<double>(times), (above - below) / (2 * kStep), 2e-4)
            << "feature " << f << " column " << k << " label " << label;
      }
    }
  }
}

TEST_F(FmModelTest, LearningIsRowWiseAdagradOnTheRowsOfTheSample) {
  const FeatureIndex feature{0};
  const std::vector<float> before(model_.table(feature).matrix().begin(),
                                  model_.table(feature).matrix().end());
  model_.set_sample(sample_);
  const FmModel::Embedding gradient = model_.gradient(feature, true);
  model_.learn(true);

  float mean_square = 0;
  for (const float element : gradient) mean_square += element * element / kFmColumns;
  const float state = kFmSettings.initial_accumulator + mean_square;
  for (std::uint32_t row = 0; row < rows_[0]; ++row) {
    const bool touched = row == first_[0].value;
    EXPECT_FLOAT_EQ(model_.table(feature).state()[row],
                    touched ? state : kFmSettings.initial_accumulator);
    for (std::size_t k = 0; k < kFmColumns; ++k) {
      const std::size_t at = row * kFmColumns + k;
      const float step = touched ? kFmSettings.learning_rate / std::sqrt(state) * gradient[k] : 0;
      EXPECT_FLOAT_EQ(model_.table(feature).matrix()[at], before[at] - step);
    }
  }
  EXPECT_LT(loss(true), 0.7);
}

TEST_F(FmModelTest, LearnsASampleByHeart) {
  const double at_first = loss(false);
  for (int i = 0; i < 200; ++i) {
    model_.set_sample(sample_);
    model_.learn(false);
  }
  EXPECT_LT(loss(false), 0.02);
  EXPECT_GT(at_first, 0.02);
}

TEST(FmTable, AGrownRowIsTheRowItWouldHaveBeen) {
  FmTable whole(100, 3, kFmSettings);
  FmTable grown(1, 3, kFmSettings);
  for (std::uint32_t rows = 2; rows <= 100; ++rows) grown.grow(rows);
  EXPECT_EQ(grown.rows(), 100u);
  EXPECT_TRUE(std::ranges::equal(whole.matrix(), grown.matrix()));
  EXPECT_TRUE(std::ranges::equal(whole.state(), grown.state()));

  const FmTable other(100, 4, kFmSettings);
  EXPECT_FALSE(std::ranges::equal(whole.matrix(), other.matrix()));
}

TEST(FmTable, FreshVectorsHaveTheStatedDeviationAndNoBias) {
  const FmTable table(20'000, 3, kFmSettings);
  double squares = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t k = 0; k < kFmFactors; ++k) {
      const double value = table.matrix()[row * kFmColumns + k];
      squares += value * value;
    }
    ASSERT_EQ(table.matrix()[row * kFmColumns + kFmFactors], 0);
  }
  EXPECT_NEAR(std::sqrt(squares / (20'000 * kFmFactors)), kFmSettings.initial_deviation, 0.001);
}

}  // namespace
}  // namespace remapd::evaluation
