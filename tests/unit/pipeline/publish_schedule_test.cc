#include "core/pipeline/publish_schedule.h"

#include <vector>

#include <gtest/gtest.h>

namespace remapd::pipeline {
namespace {

std::vector<std::uint64_t> due_points(PublishSchedule schedule, int count) {
  std::vector<std::uint64_t> points;
  for (int i = 0; i < count; ++i) {
    points.push_back(schedule.due_at());
    schedule.done(BuildKind::kFull, schedule.due_at(), 0);
  }
  return points;
}

TEST(PublishSchedule, GapsGrowToTheSettledOne) {
  const PublishSchedule schedule(
      {.every_samples = 400, .first_samples = 100, .full_samples = 400, .growth = 2.0});
  const std::vector<std::uint64_t> expected{100, 300, 700, 1100, 1500};
  EXPECT_EQ(due_points(schedule, 5), expected);
}

TEST(PublishSchedule, IsDueFromItsSampleOn) {
  const PublishSchedule schedule({.every_samples = 400, .first_samples = 100, .full_samples = 400});
  EXPECT_FALSE(schedule.due(99));
  EXPECT_TRUE(schedule.due(100));
  EXPECT_TRUE(schedule.due(5'000));
}

TEST(PublishSchedule, CountsFromWhenTheVersionWasBuilt) {
  PublishSchedule schedule({.every_samples = 100, .first_samples = 100, .full_samples = 100});
  schedule.done(BuildKind::kFull, 150, 0);
  EXPECT_EQ(schedule.due_at(), 250U);
}

TEST(PublishSchedule, TheFirstGapIsNeverLongerThanTheSettledOne) {
  EXPECT_EQ(
      PublishSchedule({.every_samples = 100, .first_samples = 500, .full_samples = 100}).due_at(),
      100U);
}

TEST(PublishSchedule, GapsGrowEvenWhereTheFactorRoundsToNothing) {
  const PublishSchedule schedule(
      {.every_samples = 4, .first_samples = 1, .full_samples = 4, .growth = 1.1});
  const std::vector<std::uint64_t> expected{1, 3, 6, 10, 14};
  EXPECT_EQ(due_points(schedule, 5), expected);
}

TEST(PublishSchedule, GoesOnFromItsState) {
  const PublishSchedule::Config config{
      .every_samples = 1000, .first_samples = 100, .full_samples = 1000, .growth = 1.5};
  PublishSchedule schedule(config);
  schedule.done(BuildKind::kFull, 100, 0);
  schedule.done(BuildKind::kFull, 250, 0);
  PublishSchedule other(config);
  other.restore(schedule.state(), 0);
  EXPECT_EQ(due_points(other, 8), due_points(schedule, 8));
}

TEST(PublishSchedule, GapsGrowWithTheKnownIds) {
  PublishSchedule schedule({.every_samples = 100'000,
                            .first_samples = 100,
                            .full_samples = 100,
                            .full_samples_per_id = 0.01});
  schedule.done(BuildKind::kFull, 100, 9'000);
  EXPECT_EQ(schedule.due_at(), 200U);
  schedule.done(BuildKind::kFull, 200, 1'000'000);
  EXPECT_EQ(schedule.due_at(), 350U);  // grows no faster than by the factor
  for (int i = 0; i < 20; ++i) schedule.done(BuildKind::kFull, 1'000, 1'000'000);
  EXPECT_EQ(schedule.due_at(), 11'000U);
  PublishSchedule other({.every_samples = 100'000,
                         .first_samples = 100,
                         .full_samples = 100,
                         .full_samples_per_id = 0.01});
  other.restore(schedule.state(), 990'000);
  EXPECT_EQ(other.due_at(), 11'000U);
}

TEST(PublishSchedule, AShorterGapIsKeptToWhenRestored) {
  PublishSchedule other({.every_samples = 100, .first_samples = 10, .full_samples = 100});
  other.restore({.gap = 1000, .full_due_at = 5000, .due_at = 5000, .built_at = 4000}, 0);
  EXPECT_EQ(other.due_at(), 4100U);
  other.done(BuildKind::kFull, 4100, 0);
  EXPECT_EQ(other.due_at(), 4200U);
}

TEST(PublishSchedule, IncrementsAreDueBetweenFullBuilds) {
  PublishSchedule schedule(
      {.every_samples = 40, .first_samples = 100, .full_samples = 100, .full_samples_per_id = 0});
  EXPECT_EQ(schedule.kind(100, BuildKind::kIncrement), BuildKind::kFull);
  schedule.done(BuildKind::kFull, 100, 10);
  EXPECT_EQ(schedule.due_at(), 140U);
  EXPECT_EQ(schedule.kind(140, BuildKind::kIncrement), BuildKind::kIncrement);
  EXPECT_EQ(schedule.kind(140, BuildKind::kFull), BuildKind::kFull) << "rows run out";
  EXPECT_EQ(schedule.kind(140, std::nullopt), std::nullopt);
  schedule.done(BuildKind::kIncrement, 140, 10);
  schedule.done(BuildKind::kIncrement, 180, 10);
  EXPECT_EQ(schedule.due_at(), 200U) << "the full build comes at its sample";
  EXPECT_EQ(schedule.kind(200, BuildKind::kIncrement), BuildKind::kFull);
}

TEST(PublishSchedule, WithoutIncrementsTheNextFullBuildIsWaitedFor) {
  PublishSchedule schedule(
      {.every_samples = 40, .first_samples = 100, .full_samples = 100, .full_samples_per_id = 0});
  schedule.done(BuildKind::kFull, 100, 10);
  schedule.pass();
  EXPECT_EQ(schedule.due_at(), 200U);
}

}  // namespace
}  // namespace remapd::pipeline
