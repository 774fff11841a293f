#include "daemon/application/version_timeline.h"

#include <gtest/gtest.h>

namespace remapd::application {
namespace {

constexpr pipeline::PublishSchedule::Config kSchedule{.every_samples = 400,
                                                      .first_samples = 100,
                                                      .full_samples = 400,
                                                      .growth = 2,
                                                      .full_samples_per_id = 0};
constexpr std::uint64_t kIds = 10;

VersionTimeline make_timeline() {
  return {"item", kSchedule};
}

mapping::Manifest manifest(std::uint64_t version, std::uint64_t samples,
                           std::uint64_t content = 77) {
  mapping::Manifest out;
  out.info.version = Version{version};
  out.built_samples = samples;
  out.content_hash = content;
  return out;
}

mapping::Tenure tenure(std::uint64_t version, std::uint64_t samples) {
  return {.epoch = Epoch{3}, .last = manifest(version, samples), .newest = Version{version}};
}

// Builds and publishes what is due.
void publish(VersionTimeline& timeline, std::uint64_t samples) {
  const NextBuild next = timeline.begin(pipeline::BuildKind::kFull, samples, kIds);
  ASSERT_EQ(next.purpose, BuildPurpose::kPublish);
  timeline.published(manifest(next.version.value, samples));
  timeline.adopted(next.version);
}

TEST(VersionTimeline, PublishesOneAfterTheOther) {
  VersionTimeline timeline = make_timeline();
  timeline.found({.epoch = Epoch{3}, .last = std::nullopt, .newest = {}});
  EXPECT_EQ(timeline.epoch(), Epoch{3});
  EXPECT_EQ(timeline.due_at(), 100U);
  EXPECT_EQ(timeline.built_at(), 0U);
  const NextBuild first = timeline.begin(pipeline::BuildKind::kFull, 100, kIds);
  EXPECT_EQ(first.purpose, BuildPurpose::kPublish);
  EXPECT_EQ(first.version, Version{1});
  EXPECT_EQ(first.published_content, std::nullopt);
  timeline.published(manifest(1, 100, 55));
  timeline.adopted(Version{1});
  EXPECT_EQ(timeline.built_at(), 100U);
  EXPECT_EQ(timeline.due_at(), 300U);
  const NextBuild second = timeline.begin(pipeline::BuildKind::kFull, 300, kIds);
  EXPECT_EQ(second.version, Version{2});
  EXPECT_EQ(second.published_content, 55U);
}

TEST(VersionTimeline, AVersionThatWasNotPublishedGivesItsNumberToTheNext) {
  VersionTimeline timeline = make_timeline();
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 100, kIds).version, Version{1});
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 300, kIds).version, Version{1});
}

TEST(VersionTimeline, WhatWasGivenUpIsDueAgain) {
  VersionTimeline timeline = make_timeline();
  publish(timeline, 100);
  EXPECT_EQ(timeline.due_at(), 300U);
  timeline.begin(pipeline::BuildKind::kFull, 300, kIds);
  EXPECT_EQ(timeline.due_at(), 700U);
  timeline.given_up();
  EXPECT_EQ(timeline.due_at(), 300U);
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 300, kIds).version, Version{2});
}

TEST(VersionTimeline, ANewestThatIsDamagedIsPassedOver) {
  VersionTimeline timeline = make_timeline();
  timeline.found({.epoch = Epoch{3}, .last = manifest(4, 500), .newest = Version{6}});
  timeline.restore(
      {"item", Version{4}, {.gap = 200, .full_due_at = 700, .due_at = 700, .built_at = 500}}, kIds);
  const NextBuild next = timeline.begin(pipeline::BuildKind::kFull, 700, kIds);
  EXPECT_EQ(next.version, Version{7});
  EXPECT_EQ(next.published_content, std::nullopt);  // clients may have version 6
}

TEST(VersionTimeline, GoesOnFromACheckpoint) {
  VersionTimeline before = make_timeline();
  publish(before, 100);
  publish(before, 300);
  before.freeze(true);
  VersionTimeline after = make_timeline();
  after.found(tenure(2, 300));
  after.restore(before.progress(), kIds);
  EXPECT_EQ(after.progress(), before.progress());
  EXPECT_FALSE(after.needs_fetch(350, true));
  EXPECT_FALSE(after.catching_up());
  EXPECT_TRUE(after.frozen());
  EXPECT_EQ(after.due_at(), before.due_at());
}

TEST(VersionTimeline, WithoutACheckpointTheNewestIsFetched) {
  VersionTimeline timeline = make_timeline();
  timeline.found(tenure(4, 500));
  EXPECT_TRUE(timeline.needs_fetch(0, false));
  timeline.adopted(Version{4});
  EXPECT_FALSE(timeline.needs_fetch(0, false));
  EXPECT_FALSE(timeline.catching_up());
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 100, kIds).version, Version{5});
}

TEST(VersionTimeline, ACheckpointBeyondWhatWasPublishedLastNeedsAFetch) {
  VersionTimeline timeline = make_timeline();
  timeline.found(tenure(4, 500));
  timeline.restore(
      {"item", Version{3}, {.gap = 200, .full_due_at = 700, .due_at = 700, .built_at = 500}}, kIds);
  EXPECT_FALSE(timeline.needs_fetch(499, true));
  EXPECT_FALSE(timeline.needs_fetch(500, true));  // it can be built again here
  EXPECT_TRUE(timeline.needs_fetch(501, true));
}

// Published: 1 at 100, 2 at 300, 3 at 700. The checkpoint is of sample 50.
TEST(VersionTimeline, AReplayBuildsTheSameVersionsWithoutPublishingThem) {
  VersionTimeline timeline = make_timeline();
  timeline.found(tenure(3, 700));
  timeline.restore(
      {"item", kNoVersion, {.gap = 100, .full_due_at = 100, .due_at = 100, .built_at = 0}}, kIds);
  EXPECT_TRUE(timeline.catching_up());
  EXPECT_FALSE(timeline.needs_fetch(50, true));
  for (const auto& [samples, version] : {std::pair{100, 1}, std::pair{300, 2}}) {
    EXPECT_EQ(timeline.due_at(), static_cast<std::uint64_t>(samples));
    const NextBuild next = timeline.begin(pipeline::BuildKind::kFull, timeline.due_at(), kIds);
    EXPECT_EQ(next.purpose, BuildPurpose::kRebuild);
    EXPECT_EQ(next.version.value, static_cast<std::uint64_t>(version));
    timeline.adopted(next.version);
  }
  EXPECT_EQ(timeline.due_at(), 700U);
  const NextBuild rejoin = timeline.begin(pipeline::BuildKind::kFull, 700, kIds);
  EXPECT_EQ(rejoin.purpose, BuildPurpose::kRejoin);
  EXPECT_EQ(rejoin.version, Version{3});
  EXPECT_EQ(rejoin.published_content, 77U);
  timeline.adopted(rejoin.version);
  EXPECT_FALSE(timeline.catching_up());
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 1'100, kIds).version, Version{4});
}

TEST(VersionTimeline, TheNewestIsRejoinedWhereItWasBuilt) {
  VersionTimeline timeline = make_timeline();
  timeline.found(tenure(1, 150));  // asked for by an operator, or late
  timeline.restore(
      {"item", kNoVersion, {.gap = 200, .full_due_at = 200, .due_at = 200, .built_at = 0}}, kIds);
  EXPECT_EQ(timeline.due_at(), 150U);
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 150, kIds).purpose, BuildPurpose::kRejoin);
}

// A build that a gate refused, or that could not be published, came before the only version.
TEST(VersionTimeline, BuildsThatLedToNothingAreRepeatedAndDropped) {
  VersionTimeline timeline = make_timeline();
  timeline.found(tenure(1, 700));
  timeline.restore(
      {"item", kNoVersion, {.gap = 100, .full_due_at = 100, .due_at = 100, .built_at = 0}}, kIds);
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 100, kIds).purpose, BuildPurpose::kNothing);
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 300, kIds).purpose, BuildPurpose::kNothing);
  EXPECT_EQ(timeline.begin(pipeline::BuildKind::kFull, 700, kIds).purpose, BuildPurpose::kRejoin);
}

TEST(VersionTimeline, WhatCannotBeHadIsForgotten) {
  VersionTimeline timeline = make_timeline();
  timeline.found(tenure(3, 700));
  timeline.forget_published();
  EXPECT_FALSE(timeline.catching_up());
  const NextBuild next = timeline.begin(pipeline::BuildKind::kFull, 100, kIds);
  EXPECT_EQ(next.purpose, BuildPurpose::kPublish);
  EXPECT_EQ(next.version, Version{4});  // its number stays taken
}

TEST(VersionTimeline, AFrozenTableCatchesUpFirst) {
  VersionTimeline timeline = make_timeline();
  timeline.found(tenure(1, 150));
  timeline.restore(
      {"item", kNoVersion, {.gap = 100, .full_due_at = 100, .due_at = 100, .built_at = 0}, true},
      kIds);
  EXPECT_FALSE(timeline.stands_still());
  timeline.adopted(Version{1});
  EXPECT_TRUE(timeline.stands_still());
  timeline.freeze(false);
  EXPECT_FALSE(timeline.stands_still());
}

}  // namespace
}  // namespace remapd::application
