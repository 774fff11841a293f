#include "daemon/application/status.h"

#include <set>

#include <gtest/gtest.h>

namespace remapd::application {
namespace {

TEST(Timings, CountInBuckets) {
  Timings timings;
  EXPECT_EQ(timings.count(), 0U);
  timings.add(0.001);  // exactly a bound belongs to its bucket
  timings.add(0.0011);
  timings.add(1'000);  // beyond all bounds
  EXPECT_EQ(timings.count(), 3U);
  EXPECT_DOUBLE_EQ(timings.sum(), 1'000.0021);
  EXPECT_EQ(timings.last(), 1'000);
  EXPECT_EQ(timings.at_most(0), 1U);
  EXPECT_EQ(timings.at_most(1), 2U);
  EXPECT_EQ(timings.at_most(Timings::kBounds.size() - 1), 2U);
}

TEST(Timings, BoundsAscend) {
  EXPECT_TRUE(std::is_sorted(Timings::kBounds.begin(), Timings::kBounds.end()));
}

TEST(Phases, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (int phase = 0; phase <= static_cast<int>(Phase::kFailed); ++phase) {
    names.insert(to_string(static_cast<Phase>(phase)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Phase::kFailed) + 1);
}

TEST(Status, IsReadyWhileVersionsCanBeExpected) {
  Status status;
  EXPECT_FALSE(status.ready());
  status.phase = Phase::kRunning;
  EXPECT_TRUE(status.ready());
  status.phase = Phase::kEnded;
  EXPECT_TRUE(status.ready());
  for (const Phase phase : {Phase::kRestoring, Phase::kStopping, Phase::kStopped, Phase::kFailed}) {
    status.phase = phase;
    EXPECT_FALSE(status.ready()) << to_string(phase);
  }
}

}  // namespace
}  // namespace remapd::application
