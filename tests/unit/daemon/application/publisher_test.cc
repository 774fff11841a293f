#include "daemon/application/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_lines.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_sink.h"
#include "tests/unit/daemon/application/small_engine.h"

namespace remapd::application {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr TableIndex kItem{0};

class PublisherTest : public testing::Test {
 protected:
  PublisherTest() {
    options_.schedule = {.every_samples = 200,
                         .first_samples = 100,
                         .full_samples = 200,
                         .growth = 2,
                         .full_samples_per_id = 0};
    options_.builder = {.instance = "here", .first_retry = 1ms, .last_retry = 1ms};
  }

  void start() {
    make();
    ASSERT_TRUE(publisher_->take_over(kItem));
    publisher_->start();
  }
  void make() {
    publisher_.emplace(options_, *engine_, sink_, log_.log(), clock_,
                       Publisher::Hooks{.post = [this](Task task) { tasks_.push(std::move(task)); },
                                        .changed = [this] { ++changes_; },
                                        .must_be_kept = [this] { ++to_be_kept_; }});
  }
  // Samples, and whatever is due after them.
  void take_in(std::size_t samples) {
    engine_->ingest(some_samples(samples, ++seed_));
    publisher_->start_due_builds();
  }
  // Until nothing is in flight.
  void finish() {
    while (publisher_->any_in_flight()) (*tasks_.pop())();
  }
  void take_in_and_finish(std::size_t samples) {
    take_in(samples);
    finish();
  }
  Answer<Version> keep_answer() {
    return [this](Result<Version> result) { answers_.push_back(std::move(result)); };
  }
  TableStatus status() { return publisher_->status(engine_->stats().tables)[0]; }

  Publisher::Options options_;
  std::unique_ptr<pipeline::Engine> engine_ = small_engine();
  test_support::MemorySink sink_;
  test_support::LogLines log_;
  test_support::ManualClock clock_;
  Mailbox<Task> tasks_;
  int changes_ = 0;
  int to_be_kept_ = 0;
  std::uint64_t seed_ = 0;
  std::vector<Result<Version>> answers_;
  std::optional<Publisher> publisher_;
};

TEST_F(PublisherTest, PublishesWhatIsDueAndAdoptsIt) {
  start();
  take_in(99);
  EXPECT_FALSE(publisher_->any_in_flight());
  EXPECT_EQ(publisher_->next_due(), 100U);
  take_in(1);
  EXPECT_TRUE(publisher_->any_in_flight());
  EXPECT_TRUE(publisher_->must_wait());
  finish();
  EXPECT_EQ(engine_->stats().tables[0].version, Version{1});
  EXPECT_EQ(sink_.published().size(), 1U);
  EXPECT_EQ(publisher_->next_due(), 300U);
  EXPECT_EQ(status().published, 1U);
  EXPECT_EQ(status().last->info.version, Version{1});
  EXPECT_GT(changes_, 0);
  EXPECT_EQ(publisher_->progress()[0].version, Version{1});
}

TEST_F(PublisherTest, ThereIsASnapshotOnceTheDeltasAreAsLargeAsThat) {
  options_.live.snapshot_share = 0.5;
  start();
  for (int i = 0; i < 12; ++i) take_in_and_finish(200);
  std::uint64_t deltas = 0;
  std::uint64_t snapshot = 0;
  for (const auto& [manifest, blobs] : sink_.published()) {
    const auto& delta = manifest.blob(mapping::BlobKind::kDelta);
    const auto& whole = manifest.blob(mapping::BlobKind::kSnapshot);
    if (delta) deltas += delta->size;
    // A delta may be larger than the whole: then there is a snapshot instead.
    EXPECT_EQ(whole.has_value(), !delta || 2 * deltas >= snapshot) << manifest.info.version.value;
    if (!whole) continue;
    snapshot = whole->size;
    deltas = 0;
  }
}

TEST_F(PublisherTest, ARefusedVersionLeavesNoTrace) {
  options_.live.gates.min_samples = 250;
  start();
  take_in_and_finish(100);
  EXPECT_EQ(status().refused, 1U);
  EXPECT_EQ(engine_->stats().tables[0].version, kNoVersion);
  take_in_and_finish(200);
  EXPECT_EQ(sink_.published()[0].manifest.info.version, Version{1});
}

TEST_F(PublisherTest, WhatCannotBePublishedIsShownAndTheNextVersionTakesItsNumber) {
  start();
  sink_.fail_next_publish({ErrorCode::kIo, "broken", false});
  take_in_and_finish(100);
  EXPECT_EQ(status().failed, 1U);
  EXPECT_EQ(status().problem, "broken");
  take_in_and_finish(200);
  EXPECT_EQ(status().problem, "");
  EXPECT_EQ(sink_.published()[0].manifest.info.version, Version{1});
}

TEST_F(PublisherTest, RetriesAreShown) {
  start();
  sink_.fail_next_publish({ErrorCode::kResource, "full", true});
  take_in(100);
  (*tasks_.pop())();  // the retry is told before the report
  EXPECT_EQ(status().problem, "full");
  EXPECT_TRUE(status().building);
  finish();
  EXPECT_EQ(status().problem, "");
}

TEST_F(PublisherTest, BeingSupersededIsTheEnd) {
  start();
  sink_.fail_next_publish({ErrorCode::kConflict, "epoch 2 has it", false});
  take_in_and_finish(100);
  ASSERT_TRUE(publisher_->fatal());
  EXPECT_EQ(publisher_->fatal()->message, "table item: epoch 2 has it");
}

TEST_F(PublisherTest, TheClockMakesVersionsDue) {
  options_.live.interval = 1min;
  start();
  take_in_and_finish(10);
  clock_.advance(1min);
  publisher_->start_due_builds();
  EXPECT_TRUE(publisher_->any_in_flight());
  finish();
  clock_.advance(1min);
  publisher_->start_due_builds();  // nothing new has been seen
  EXPECT_FALSE(publisher_->any_in_flight());
}

TEST_F(PublisherTest, WithoutWaitingVersionsKeepTheirDistance) {
  options_.wait_for_publish = false;
  options_.live.min_interval = 10s;
  start();
  clock_.advance(10s);
  take_in(100);
  EXPECT_TRUE(publisher_->any_in_flight());
  EXPECT_FALSE(publisher_->must_wait());
  finish();
  clock_.advance(9s);
  take_in(500);
  EXPECT_FALSE(publisher_->any_in_flight());
  clock_.advance(1s);
  publisher_->start_due_builds();
  EXPECT_TRUE(publisher_->any_in_flight());
  finish();
}

TEST_F(PublisherTest, LiveSettingsApplyFromTheNextBuild) {
  start();
  publisher_->apply({.interval = 0ms,
                     .min_interval = 0ms,
                     .cpu_share = 1,
                     .snapshot_share = 0,
                     .gates = {1'000, 1}});
  take_in_and_finish(100);
  EXPECT_EQ(status().refused, 1U);
}

TEST_F(PublisherTest, TheEndOfTheStreamIsBuiltFromOnce) {
  start();
  take_in_and_finish(100);
  take_in_and_finish(50);  // not due
  publisher_->end_of_stream();
  ASSERT_TRUE(publisher_->build_last_versions());
  EXPECT_TRUE(publisher_->must_wait());
  finish();
  EXPECT_EQ(sink_.published().back().manifest.built_samples, 150U);
  ASSERT_TRUE(publisher_->build_last_versions());  // built from already
  EXPECT_FALSE(publisher_->any_in_flight());
}

TEST_F(PublisherTest, AsksInTurnForVersionsOfOneTable) {
  start();
  take_in(100);
  for (int i = 0; i < 2; ++i) publisher_->publish_now(kItem, keep_answer());
  EXPECT_TRUE(answers_.empty());
  finish();
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(answers_[0].value(), Version{2});
  EXPECT_EQ(answers_[1].value(), Version{3});
}

// A build holds a copy of what was learned of all tables, which those begun together share: there
// must not be one for each table that happens to be due.
TEST_F(PublisherTest, BuildsThatDoNotBeginTogetherFollowOneAnother) {
  pipeline::EngineConfig config = engine_->config();
  config.tables.push_back(config.tables[0]);
  config.tables[1].name = "user";
  config.features.push_back({"user", TableIndex{1}});
  engine_ = pipeline::Engine::create(config).value();
  options_.wait_for_publish = false;
  make();
  constexpr TableIndex kUser{1};
  for (const TableIndex table : {kItem, kUser}) ASSERT_TRUE(publisher_->take_over(table));
  publisher_->start();
  const auto take_in_two = [&](std::size_t samples) {
    pipeline::EventBatch batch;
    batch.reset(2);
    for (std::uint32_t feature = 0; feature < 2; ++feature) {
      batch.mutable_lengths(FeatureIndex{feature}).assign(samples, 1);
      batch.mutable_values(FeatureIndex{feature}).assign(samples, Id{7});
    }
    batch.seal(samples);
    engine_->ingest(batch);
    publisher_->start_due_builds();
  };
  const auto building = [&](TableIndex table) {
    return publisher_->status(engine_->stats().tables)[table.value].building;
  };

  take_in_two(100);
  EXPECT_TRUE(building(kItem) && building(kUser)) << "both were due";
  finish();
  publisher_->publish_now(kItem, keep_answer());
  take_in_two(50);
  publisher_->publish_now(kUser, keep_answer());
  EXPECT_TRUE(building(kItem));
  EXPECT_FALSE(building(kUser)) << "asked for while another was being built";
  take_in_two(200);
  EXPECT_FALSE(building(kUser)) << "due while another was being built";
  finish();
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_TRUE(answers_[0] && answers_[1]);
  publisher_->start_due_builds();
  EXPECT_TRUE(building(kItem)) << "it is still due";
  finish();
}

TEST_F(PublisherTest, TooManyWhoWaitAreTurnedAway) {
  start();
  take_in(100);
  for (int i = 0; i < 20; ++i) publisher_->publish_now(kItem, keep_answer());
  ASSERT_FALSE(answers_.empty());
  EXPECT_EQ(answers_[0].error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(answers_[0].error().retryable);
  finish();
  EXPECT_EQ(answers_.size(), 20U);
}

TEST_F(PublisherTest, FreezingIsToBeKept) {
  start();
  publisher_->freeze(kItem, true);
  publisher_->freeze(kItem, true);
  EXPECT_EQ(to_be_kept_, 1);
  EXPECT_TRUE(publisher_->progress()[0].frozen);
  take_in(1'000);
  EXPECT_FALSE(publisher_->any_in_flight());
  EXPECT_EQ(publisher_->next_due(), std::numeric_limits<std::uint64_t>::max());
  publisher_->publish_now(kItem, keep_answer());
  EXPECT_EQ(answers_.at(0).error().code, ErrorCode::kConflict);
  publisher_->freeze(kItem, false);
  EXPECT_EQ(to_be_kept_, 2);
  publisher_->start_due_builds();
  EXPECT_TRUE(publisher_->any_in_flight());
  finish();
}

TEST_F(PublisherTest, ARollBackFreezesTheTable) {
  start();
  take_in_and_finish(100);
  take_in_and_finish(200);
  publisher_->roll_back(kItem, Version{1}, keep_answer());
  finish();
  EXPECT_EQ(answers_.at(0).value(), Version{3});
  EXPECT_TRUE(status().frozen);
  EXPECT_EQ(to_be_kept_, 1);
  EXPECT_EQ(engine_->stats().tables[0].version, Version{3});
  EXPECT_EQ(sink_.published().back().manifest.rollback_of, Version{1});
}

TEST_F(PublisherTest, AFailedRollBackChangesNothing) {
  start();
  take_in_and_finish(100);
  take_in_and_finish(200);
  sink_.fail_next_publish({ErrorCode::kIo, "broken", false});
  publisher_->roll_back(kItem, Version{1}, keep_answer());
  finish();
  EXPECT_EQ(answers_.at(0).error().message, "broken");
  EXPECT_FALSE(status().frozen);
  EXPECT_EQ(status().problem, "");  // versions go on being published
  EXPECT_EQ(engine_->stats().tables[0].version, Version{2});
}

TEST_F(PublisherTest, WindingDownTurnsEverybodyAway) {
  start();
  take_in(100);
  publisher_->publish_now(kItem, keep_answer());  // waits for the one in flight
  publisher_->wind_down();
  publisher_->publish_now(kItem, keep_answer());
  publisher_->roll_back(kItem, Version{1}, keep_answer());
  finish();
  ASSERT_EQ(answers_.size(), 3U);
  for (const auto& answer : answers_) EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
}

TEST_F(PublisherTest, WhatIsGivenUpIsDueAgain) {
  options_.builder.first_retry = 1h;
  start();
  sink_.fail_next_publish({ErrorCode::kUnavailable, "away", true});
  take_in(100);
  (*tasks_.pop())();  // it has been tried
  publisher_->wind_down();
  publisher_->give_up();
  finish();
  EXPECT_EQ(publisher_->next_due(), 100U);
  publisher_->start_due_builds();
  EXPECT_FALSE(publisher_->any_in_flight());  // nobody is left to build it
}

TEST_F(PublisherTest, CatchesUpWithWhatWasPublished) {
  start();
  take_in_and_finish(100);
  mapping::Manifest newest = sink_.published()[0].manifest;
  publisher_->give_up();
  publisher_.reset();
  sink_.set_tenure("item", {.epoch = Epoch{2}, .last = newest, .newest = Version{1}});
  engine_ = small_engine();
  make();
  ASSERT_TRUE(publisher_->take_over(kItem));
  ASSERT_TRUE(publisher_->catch_up(kItem, false));
  EXPECT_EQ(engine_->stats().tables[0].version, Version{1});
  publisher_->start();
  take_in_and_finish(100);
  EXPECT_EQ(sink_.published().back().manifest.info.version, Version{2});
  EXPECT_EQ(sink_.published().back().manifest.info.epoch, Epoch{2});
}

TEST_F(PublisherTest, ErrorsOfTheSinkNameTheTable) {
  make();
  sink_.fail_next_take_over({ErrorCode::kUnavailable, "locked", true});
  const auto taken = publisher_->take_over(kItem);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message, "table item: locked");
  EXPECT_TRUE(taken.error().retryable);
}

}  // namespace
}  // namespace remapd::application
