#include "core/embedding/access_horizon.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kIds = 2'000;
constexpr std::uint32_t kMiniBatch = 64;

AccessHorizon settled() {
  AccessHorizon out(kIds);
  for (std::uint32_t i = 0; i < kIds; ++i) out.count_settled(true);
  return out;
}

// Gradients of that size of which successive ones correlate like that, in mini-batches.
void compare(AccessHorizon& horizon, std::uint32_t accesses_of_each, double correlation,
             std::uint64_t seed, double size = 0.5) {
  Random random(seed);
  AccessHorizon::Sums squares{0, 0};
  for (std::uint32_t i = 0; i < kIds * accesses_of_each; ++i) {
    const double before = random.normal();
    const double now =
        correlation * before + std::sqrt(1 - correlation * correlation) * random.normal();
    const auto gradient = static_cast<float>(size * now);
    squares.bias += gradient * gradient;
    squares.factors += gradient * gradient;
    horizon.compare(static_cast<float>(size * before), gradient, i % 9 == 0);
    if (i % kMiniBatch + 1 < kMiniBatch) continue;
    horizon.advance(kMiniBatch, squares);
    squares = {0, 0};
  }
}

TEST(AccessHorizon, StaysLongWhereGradientsDoNotAgree) {
  for (const double correlation : {-0.05, 0.0, 0.01}) {
    AccessHorizon horizon = settled();
    float least = AccessHorizon::kUnbounded;
    for (std::uint64_t round = 0; round < 50; ++round) {
      compare(horizon, 2, correlation, round);
      least = std::min(least, horizon.accesses());
    }
    EXPECT_GT(least, 1000) << correlation;
  }
}

TEST(AccessHorizon, FallsWhileGradientsAgreeAndRisesAgain) {
  AccessHorizon horizon = settled();
  compare(horizon, 5, 0.1, 1);
  EXPECT_EQ(horizon.accesses(), AccessHorizon::kLeast);
  compare(horizon, 40, 0.0, 2);
  EXPECT_GT(horizon.accesses(), 1000);
}

TEST(AccessHorizon, StaysWhereItIsSet) {
  for (const auto& [set, accesses] :
       {std::pair{0.0, AccessHorizon::kUnbounded}, {1.0, AccessHorizon::kLeast}, {300.0, 300.0F}}) {
    AccessHorizon horizon = settled();
    horizon.set(set);
    compare(horizon, 5, 0.1, 1);
    EXPECT_EQ(horizon.accesses(), accesses);
    EXPECT_EQ(horizon.is_unbounded(), set == 0);
  }
}

TEST(AccessHorizon, MeasuresGradientsByTheirOwn) {
  AccessHorizon horizon = settled();
  compare(horizon, 5, 0.1, 1);
  AccessHorizon of_heavy_samples = settled();
  compare(of_heavy_samples, 5, 0.1, 1, 500);
  EXPECT_EQ(of_heavy_samples.accesses(), horizon.accesses());
  EXPECT_NEAR(of_heavy_samples.bound().bias / horizon.bound().bias, 1e6, 10);
  for (const float accesses : {10.0F, 20.0F, 30.0F, 100.0F}) {
    EXPECT_EQ(horizon.settled(accesses * 0.25F), accesses > AccessHorizon::kLeast);
    EXPECT_EQ(of_heavy_samples.settled(accesses * 250'000), accesses > AccessHorizon::kLeast);
  }
}

TEST(AccessHorizon, KeepsAsMuchAfterSeveralStepsAsAfterOne) {
  constexpr float kUnit = 0.2F;
  const auto kept = [](float from, float to) {
    return AccessHorizon::kept(to, from * kUnit, to * kUnit);
  };
  EXPECT_EQ(kept(5000, AccessHorizon::kLeast), 0);
  EXPECT_NEAR(kept(5000, 30), kept(5000, 400) * kept(400, 60) * kept(60, 30), 1e-5);
  EXPECT_GT(kept(5000, 1000), 0.97);
  EXPECT_LT(kept(5000, 30), 0.2);
}

TEST(AccessHorizon, GoesOnFromASavedState) {
  AccessHorizon horizon = settled();
  compare(horizon, 3, 0.1, 3);
  ByteWriter out;
  horizon.save(out);
  AccessHorizon restored(kIds);
  ByteReader in(out.bytes());
  ASSERT_TRUE(restored.load(in));
  EXPECT_EQ(restored.bound().factors, horizon.bound().factors);
  compare(horizon, 2, 0.05, 4);
  compare(restored, 2, 0.05, 4);
  EXPECT_EQ(restored.accesses(), horizon.accesses());
  EXPECT_EQ(restored.bound().bias, horizon.bound().bias);

  AccessHorizon of_fewer(kIds - 1);
  ByteReader again(out.bytes());
  EXPECT_FALSE(of_fewer.load(again)) << "more ids have settled than the table can have";
  AccessHorizon cut_short(kIds);
  ByteReader part(ByteView(out.bytes()).first(10));
  EXPECT_FALSE(cut_short.load(part));
}

}  // namespace
}  // namespace remapd::embedding
