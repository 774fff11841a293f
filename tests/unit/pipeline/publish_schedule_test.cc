#include "core/pipeline/publish_schedule.h"

#include <vector>

#include <gtest/gtest.h>

namespace remapd::pipeline {
namespace {

std::vector<std::uint64_t> due_points(PublishSchedule schedule, int count) {
  std::vector<std::uint64_t> points;
  for (int i = 0; i < count; ++i) {
    points.push_back(schedule.due_at());
    schedule.done(schedule.due_at(), 0);
  }
  return points;
}

TEST(PublishSchedule, GapsGrowToTheSettledOne) {
  const PublishSchedule schedule({.first_samples = 100, .every_samples = 400, .growth = 2.0});
  const std::vector<std::uint64_t> expected{100, 300, 700, 1100, 1500};
  EXPECT_EQ(due_points(schedule, 5), expected);
}

TEST(PublishSchedule, IsDueFromItsSampleOn) {
  const PublishSchedule schedule({.first_samples = 100, .every_samples = 400});
  EXPECT_FALSE(schedule.due(99));
  EXPECT_TRUE(schedule.due(100));
  EXPECT_TRUE(schedule.due(5'000));
}

TEST(PublishSchedule, CountsFromWhenTheVersionWasBuilt) {
  PublishSchedule schedule({.first_samples = 100, .every_samples = 100});
  schedule.done(150, 0);
  EXPECT_EQ(schedule.due_at(), 250U);
}

TEST(PublishSchedule, TheFirstGapIsNeverLongerThanTheSettledOne) {
  EXPECT_EQ(PublishSchedule({.first_samples = 500, .every_samples = 100}).due_at(), 100U);
}

TEST(PublishSchedule, GapsGrowEvenWhereTheFactorRoundsToNothing) {
  const PublishSchedule schedule({.first_samples = 1, .every_samples = 4, .growth = 1.1});
  const std::vector<std::uint64_t> expected{1, 3, 6, 10, 14};
  EXPECT_EQ(due_points(schedule, 5), expected);
}

TEST(PublishSchedule, GoesOnFromItsState) {
  const PublishSchedule::Config config{.first_samples = 100, .every_samples = 1000, .growth = 1.5};
  PublishSchedule schedule(config);
  schedule.done(100, 0);
  schedule.done(250, 0);
  PublishSchedule other(config);
  other.restore(schedule.state(), 0);
  EXPECT_EQ(due_points(other, 8), due_points(schedule, 8));
}

TEST(PublishSchedule, GapsGrowWithTheKnownIds) {
  PublishSchedule schedule({.first_samples = 100, .every_samples = 100, .samples_per_id = 0.01});
  schedule.done(100, 9'000);
  EXPECT_EQ(schedule.due_at(), 200U);
  schedule.done(200, 1'000'000);
  EXPECT_EQ(schedule.due_at(), 350U);  // grows no faster than by the factor
  for (int i = 0; i < 20; ++i) schedule.done(1'000, 1'000'000);
  EXPECT_EQ(schedule.due_at(), 11'000U);
  PublishSchedule other({.first_samples = 100, .every_samples = 100, .samples_per_id = 0.01});
  other.restore(schedule.state(), 990'000);
  EXPECT_EQ(other.due_at(), 11'000U);
}

TEST(PublishSchedule, AShorterGapIsKeptToWhenRestored) {
  PublishSchedule other({.first_samples = 10, .every_samples = 100});
  other.restore({.gap = 1000, .due_at = 5000}, 0);
  EXPECT_EQ(other.due_at(), 4100U);
  other.done(4100, 0);
  EXPECT_EQ(other.due_at(), 4200U);
}

}  // namespace
}  // namespace remapd::pipeline
