#include "core/base/random.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace remapd {
namespace {

// Seeds are part of what makes mappings reproducible: the sequences must never change.
TEST(Random, SequencesArePinned) {
  Random random(1);
  EXPECT_EQ(random.next(), 0xbfef8030ddc2d772ULL);
  EXPECT_EQ(random.below(1000), 372U);
  EXPECT_EQ(random.uniform(), 0x1.c0cd7f0f6bcf6p-2);
  EXPECT_DOUBLE_EQ(random.normal(), 0.73654659435478587);
  std::vector<int> items = {0, 1, 2, 3, 4, 5};
  random.shuffle(std::span<int>(items));
  EXPECT_EQ(items, (std::vector<int>{4, 1, 5, 0, 2, 3}));
}

TEST(Random, EqualSeedsGiveEqualSequencesAndCopiesGoOnAlike) {
  Random a(5);
  Random b(5);
  Random other(6);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t x = a.next();
    EXPECT_EQ(x, b.next());
    same += static_cast<int>(x == other.next());
  }
  EXPECT_EQ(same, 0);
  Random copy = a;
  EXPECT_EQ(copy.next(), a.next());
}

TEST(Random, BelowIsUniformAndInRange) {
  Random random(2);
  std::array<int, 7> hits{};
  for (int i = 0; i < 70'000; ++i) ++hits.at(random.below(7));
  for (const int n : hits) EXPECT_NEAR(n, 10'000, 500);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0U);
}

TEST(Random, UniformAndNormalHaveTheirMoments) {
  Random random(3);
  constexpr int kDraws = 200'000;
  double sum = 0;
  double normal_sum = 0;
  double normal_squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    const double z = random.normal();
    ASSERT_TRUE(std::isfinite(z));
    normal_sum += z;
    normal_squares += z * z;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);
  EXPECT_NEAR(normal_sum / kDraws, 0, 0.01);
  EXPECT_NEAR(normal_squares / kDraws, 1, 0.02);
}

TEST(Random, ShufflePermutesUniformly) {
  Random random(4);
  std::vector<int> items(10);
  std::array<int, 10> first{};
  for (int round = 0; round < 20'000; ++round) {
    std::iota(items.begin(), items.end(), 0);
    random.shuffle(std::span<int>(items));
    ++first[items[0]];
    std::sort(items.begin(), items.end());
    for (int i = 0; i < 10; ++i) ASSERT_EQ(items[i], i);
  }
  for (const int n : first) EXPECT_NEAR(n, 2000, 250);
  random.shuffle(std::span<int>());
}

}  // namespace
}  // namespace remapd
