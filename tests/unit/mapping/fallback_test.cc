#include "core/mapping/fallback.h"

#include <vector>

#include <gtest/gtest.h>

namespace remapd::mapping {
namespace {

TEST(Fallback, StaysInItsRangeAndFillsItEvenly) {
  const Fallback fallback{.first_row = 70, .row_count = 30, .ways = 2, .seed = 5};
  std::vector<int> hits(30, 0);
  std::vector<int> second_hits(30, 0);
  int equal = 0;
  constexpr int kIds = 30'000;
  for (Id id = 0; id < kIds; ++id) {
    const Row row = fallback.row(id);
    const Row second = fallback.second_row(id);
    ASSERT_TRUE(row.value >= 70 && row.value < 100);
    ASSERT_TRUE(second.value >= 70 && second.value < 100);
    ++hits[row.value - 70];
    ++second_hits[second.value - 70];
    equal += row == second ? 1 : 0;
  }
  for (const auto& counts : {hits, second_hits}) {
    for (const int n : counts) EXPECT_NEAR(n, kIds / 30, 160);  // five standard deviations
  }
  EXPECT_NEAR(equal, kIds / 30, 160);  // the two rows are independent
}

TEST(Fallback, FollowsItsSeed) {
  const Fallback a{.first_row = 0, .row_count = 1000, .ways = 1, .seed = 1};
  const Fallback b{.first_row = 0, .row_count = 1000, .ways = 1, .seed = 9};
  int same = 0;
  for (Id id = 0; id < 10'000; ++id) same += a.row(id) == b.row(id) ? 1 : 0;
  EXPECT_LT(same, 60);
}

// Trainers compute these rows themselves: they are part of the format.
TEST(Fallback, KeepsItsValues) {
  const Fallback fallback{.first_row = 100, .row_count = 1'000'000, .ways = 2, .seed = 7};
  EXPECT_EQ(fallback.row(0).value, 100 + reduce(mix64(0x9e3779b97f4a7c15ULL * 8), 1'000'000));
  EXPECT_EQ(fallback.second_row(0).value,
            100 + reduce(mix64(0x9e3779b97f4a7c15ULL * 9), 1'000'000));
  EXPECT_EQ(fallback.row(12345).value, 431558U);
  EXPECT_EQ(fallback.second_row(12345).value, 479885U);
}

TEST(Fallback, OfOneRowIsThatRow) {
  const Fallback fallback{.first_row = 3, .row_count = 1, .ways = 1, .seed = 1};
  for (Id id = 0; id < 1000; ++id) EXPECT_EQ(fallback.row(id), Row{3});
}

}  // namespace
}  // namespace remapd::mapping
