#include "examples/click_trainer/loss_meter.h"

#include <gtest/gtest.h>

namespace remapd::click_trainer {
namespace {

TEST(LossMeter, KnowingTheBaseRateAloneIsOne) {
  LossMeter meter;
  for (int i = 0; i < 100; ++i) meter.add(0.25, i % 4 == 0);
  EXPECT_EQ(meter.samples(), 100U);
  EXPECT_NEAR(meter.normalised_entropy(), 1, 1e-12);
  EXPECT_NEAR(meter.log_loss(), -(0.25 * std::log(0.25) + 0.75 * std::log(0.75)), 1e-12);
}

TEST(LossMeter, BetterPredictionsAreLower) {
  LossMeter good;
  LossMeter bad;
  for (int i = 0; i < 100; ++i) {
    good.add(i % 2 == 0 ? 0.9 : 0.1, i % 2 == 0);
    bad.add(i % 2 == 0 ? 0.4 : 0.6, i % 2 == 0);
  }
  EXPECT_NEAR(good.normalised_entropy(), -std::log(0.9) / std::log(2), 1e-12);
  EXPECT_GT(bad.normalised_entropy(), 1);
}

TEST(LossMeter, CertaintyThatWasWrongIsNotInfinite) {
  LossMeter meter;
  meter.add(0, true);
  meter.add(1, false);
  EXPECT_TRUE(std::isfinite(meter.normalised_entropy()));
}

TEST(LossMeter, NothingToPredictIsNotANumber) {
  LossMeter meter;
  EXPECT_TRUE(std::isnan(meter.normalised_entropy()));
  meter.add(0.5, true);
  EXPECT_TRUE(std::isnan(meter.normalised_entropy())) << "one class only";
}

}  // namespace
}  // namespace remapd::click_trainer
