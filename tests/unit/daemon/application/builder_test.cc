#include "daemon/application/builder.h"

#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/mapping/artifact.h"
#include "core/mapping/delta.h"
#include "tests/support/log_lines.h"
#include "tests/support/memory_sink.h"
#include "tests/unit/daemon/application/small_engine.h"

namespace remapd::application {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class BuilderTest : public testing::Test {
 protected:
  BuilderTest() { engine_->ingest(some_samples(400)); }

  void start(std::chrono::milliseconds retry = 1ms) {
    builder_.emplace(
        Builder::Options{.instance = "here", .first_retry = retry, .last_retry = 4 * retry}, sink_,
        log_.log(), clock_, [this](BuildReport report) { reports_.push(std::move(report)); },
        [this](TableIndex, const Error& error) { retries_.push(error.message); });
    builder_->start();
  }

  BuildOrder order(std::uint64_t version, BuildPurpose purpose = BuildPurpose::kPublish) {
    BuildOrder out;
    out.next = {.purpose = purpose, .version = Version{version}};
    out.job = engine_->begin_build(
        {.table = TableIndex{0}, .version = Version{version}, .epoch = Epoch{1}, .built_ms = 5});
    out.samples = engine_->samples();
    out.limits = {.min_samples = 100, .max_churn = 1};
    return out;
  }
  RollBackOrder roll_back_order(std::uint64_t to, std::uint64_t version) {
    RollBackOrder out{.table = TableIndex{0},
                      .table_name = "item",
                      .target = Version{to},
                      .samples = engine_->samples(),
                      .incumbent = engine_->incumbent(TableIndex{0}),
                      .input = {}};
    out.input.version = Version{version};
    out.input.epoch = Epoch{1};
    for (const auto& id : engine_->heaviest(TableIndex{0}, 1'000)) {
      out.input.ids.push_back(id.id);
      out.input.frequency.push_back(static_cast<float>(id.frequency));
    }
    return out;
  }

  BuildReport carry_out(BuildOrder order) {
    builder_->submit(std::move(order));
    return *reports_.pop();
  }
  BuildReport carry_out(RollBackOrder order) {
    builder_->submit(std::move(order));
    return *reports_.pop();
  }

  std::unique_ptr<pipeline::Engine> engine_ = small_engine();
  test_support::MemorySink sink_;
  test_support::LogLines log_;
  SystemClock clock_;
  Mailbox<BuildReport> reports_;
  Mailbox<std::string> retries_;
  std::optional<Builder> builder_;
};

TEST_F(BuilderTest, BuildsChecksAndPublishes) {
  start();
  const BuildReport report = carry_out(order(1));
  EXPECT_EQ(report.end, BuildEnd::kPublished);
  EXPECT_EQ(report.version, Version{1});
  EXPECT_EQ(report.samples, 400U);
  ASSERT_TRUE(report.gates && report.manifest && report.outcome);
  EXPECT_TRUE(report.gates->passed());
  EXPECT_EQ(report.manifest->built_samples, 400U);
  ASSERT_EQ(sink_.published().size(), 1U);
  EXPECT_EQ(sink_.published()[0].manifest.instance, "here");
  EXPECT_GT(report.build_seconds, 0);
}

// A table with rows to spare, so that new ids come as increments.
class IncrementTest : public BuilderTest {
 protected:
  IncrementTest() {
    engine_ = small_engine(20'000, 30'000);
    engine_->ingest(some_samples(400));
    start();
    BuildReport first = carry_out(order(1));
    EXPECT_EQ(first.end, BuildEnd::kPublished);
    engine_->adopt(*first.outcome);
    content_ = first.manifest->content_hash;
    artifact_ = first.kept->blob(mapping::BlobKind::kSnapshot);
  }

  void access(Id first, std::size_t count) {
    pipeline::EventBatch batch;
    batch.reset(1);
    for (Id id = first; id < first + count; ++id) {
      batch.mutable_lengths(FeatureIndex{0}).push_back(1);
      batch.mutable_values(FeatureIndex{0}).push_back(id);
    }
    batch.seal(count);
    engine_->ingest(batch);
  }

  BuildOrder increment(std::uint64_t version) {
    EXPECT_EQ(engine_->between_full_builds(TableIndex{0}), pipeline::BuildKind::kIncrement);
    BuildOrder out;
    out.next = {.version = Version{version},
                .kind = pipeline::BuildKind::kIncrement,
                .due_after = 700,
                .full_due_after = 900,
                .published_content = content_};
    out.job = engine_->begin_build({.table = TableIndex{0},
                                    .version = Version{version},
                                    .epoch = Epoch{1},
                                    .built_ms = 5,
                                    .kind = pipeline::BuildKind::kIncrement});
    out.samples = engine_->samples();
    out.snapshot = {.share = 100};
    return out;
  }

  std::uint64_t content_ = 0;
  mapping::BlobPtr artifact_;
};

TEST_F(IncrementTest, IsPublishedAsADelta) {
  for (std::uint64_t version = 2; version < 6; ++version) {
    access(1'000 * version, 5);
    BuildReport report = carry_out(increment(version));
    ASSERT_EQ(report.end, BuildEnd::kPublished);
    EXPECT_TRUE(report.gates->passed());
    const mapping::Publication last = sink_.published().back();
    const mapping::Manifest& manifest = last.manifest;
    EXPECT_FALSE(manifest.blob(mapping::BlobKind::kSnapshot));
    EXPECT_TRUE(manifest.blob(mapping::BlobKind::kPlan));
    EXPECT_EQ(manifest.next_samples, 700U);
    const auto delta = mapping::decode_delta(last.blobs[1]);
    ASSERT_TRUE(delta);
    EXPECT_EQ(delta->added.size(), 5U);
    const auto after = mapping::apply_delta(
        *mapping::ArtifactView::open(artifact_->view(), mapping::Verify::kAll), *delta);
    ASSERT_TRUE(after) << after.error().message;
    engine_->adopt(*report.outcome);
    artifact_ = std::make_shared<mapping::OwnedBlob>(*after);
    const auto view = mapping::ArtifactView::open(artifact_->view(), mapping::Verify::kAll);
    EXPECT_EQ(view->info(), manifest.info);
    EXPECT_EQ(view->ids(), manifest.ids);
    for (const Id id : delta->added) {
      EXPECT_EQ(view->lookup(id), engine_->id_stats(TableIndex{0}, id).row);
    }
    content_ = manifest.content_hash;
  }
}

TEST_F(IncrementTest, ThatClientsCannotTakeInIsPublishedWhole) {
  access(1'000, 3'000);
  BuildReport unfit = carry_out(increment(2));
  ASSERT_EQ(unfit.end, BuildEnd::kUnfit);
  EXPECT_EQ(unfit.error.code, ErrorCode::kResource);
  EXPECT_EQ(sink_.published().size(), 1U);

  BuildOrder again;
  again.next = unfit.next;
  again.samples = unfit.samples;
  again.whole = std::move(unfit.outcome);
  mapping::Mapping mapping = engine_->mapping_after(*again.whole);
  again.whole->mapping = std::move(mapping);
  again.snapshot = {.always = true};
  BuildReport report = carry_out(std::move(again));
  ASSERT_EQ(report.end, BuildEnd::kPublished);
  EXPECT_TRUE(report.manifest->blob(mapping::BlobKind::kSnapshot));
  EXPECT_EQ(report.manifest->ids, report.outcome->increment->ids);
  EXPECT_EQ(report.manifest->content_hash, report.outcome->increment->content_hash);
  engine_->adopt(*report.outcome);
  EXPECT_EQ(engine_->stats().tables[0].version, Version{2});
}

TEST_F(IncrementTest, ThatTheGatesRefuseLeavesWhatClientsHave) {
  access(1'000, 5);
  BuildOrder refused = increment(2);
  refused.limits.min_samples = 1'000'000;
  EXPECT_EQ(carry_out(std::move(refused)).end, BuildEnd::kRefused);
  EXPECT_EQ(carry_out(increment(2)).end, BuildEnd::kPublished);
}

TEST_F(IncrementTest, ThatCannotBePublishedIsNotWhatClientsHave) {
  access(1'000, 5);
  sink_.fail_next_publish({ErrorCode::kIo, "broken", false});
  EXPECT_EQ(carry_out(increment(2)).end, BuildEnd::kFailed);
  EXPECT_EQ(carry_out(increment(2)).end, BuildEnd::kPublished);
}

TEST_F(BuilderTest, WhatTheGatesRefuseIsNotPublished) {
  start();
  BuildOrder refused = order(1);
  refused.limits.min_samples = 401;
  const BuildReport report = carry_out(std::move(refused));
  EXPECT_EQ(report.end, BuildEnd::kRefused);
  EXPECT_FALSE(report.gates->passed());
  EXPECT_EQ(sink_.attempts(), 0);
}

TEST_F(BuilderTest, TriesAgainWhatMayPass) {
  start();
  sink_.fail_next_publish({ErrorCode::kResource, "full", true});
  sink_.fail_next_publish({ErrorCode::kUnavailable, "away", true});
  const BuildReport report = carry_out(order(1));
  EXPECT_EQ(report.end, BuildEnd::kPublished);
  EXPECT_EQ(sink_.attempts(), 3);
  EXPECT_EQ(retries_.pop(), "full");
  EXPECT_EQ(retries_.pop(), "away");
}

TEST_F(BuilderTest, GivesUpWhatWillNot) {
  start();
  sink_.fail_next_publish({ErrorCode::kIo, "broken", false});
  const BuildReport report = carry_out(order(1));
  EXPECT_EQ(report.end, BuildEnd::kFailed);
  EXPECT_EQ(report.error.message, "broken");
  EXPECT_EQ(sink_.attempts(), 1);
  // The next one is another matter.
  EXPECT_EQ(carry_out(order(1)).end, BuildEnd::kPublished);
}

TEST_F(BuilderTest, NoticesThatAnotherInstanceTookOver) {
  start();
  sink_.fail_next_publish({ErrorCode::kConflict, "epoch 2 has it", false});
  EXPECT_EQ(carry_out(order(1)).end, BuildEnd::kSuperseded);
}

TEST_F(BuilderTest, RebuildsWithoutPublishing) {
  start();
  const BuildReport report = carry_out(order(1, BuildPurpose::kRebuild));
  EXPECT_EQ(report.end, BuildEnd::kRebuilt);
  EXPECT_EQ(sink_.attempts(), 0);
}

TEST_F(BuilderTest, RejoinsTheSameContent) {
  start();
  BuildOrder rejoin = order(1, BuildPurpose::kRejoin);
  rejoin.next.published_content = mapping::content_hash(build(*engine_, 1).mapping);
  EXPECT_EQ(carry_out(std::move(rejoin)).end, BuildEnd::kRebuilt);
  EXPECT_EQ(sink_.attempts(), 0);
}

TEST_F(BuilderTest, FetchesWhatItCannotReproduce) {
  start();
  ASSERT_EQ(carry_out(order(1)).end, BuildEnd::kPublished);
  BuildOrder rejoin = order(1, BuildPurpose::kRejoin);
  rejoin.next.published_content = 1;
  const BuildReport report = carry_out(std::move(rejoin));
  EXPECT_EQ(report.end, BuildEnd::kFetched);
  ASSERT_NE(report.artifact, nullptr);
  EXPECT_TRUE(mapping::ArtifactView::open(report.artifact->view(), mapping::Verify::kAll));

  BuildOrder lost = order(2, BuildPurpose::kRejoin);
  lost.next.published_content = 1;
  const BuildReport failed = carry_out(std::move(lost));
  EXPECT_EQ(failed.end, BuildEnd::kFailed);
  EXPECT_EQ(failed.error.code, ErrorCode::kNotFound);
}

TEST_F(BuilderTest, RollsBack) {
  start();
  for (const std::uint64_t version : {1, 2}) {
    const BuildReport report = carry_out(order(version));
    ASSERT_EQ(report.end, BuildEnd::kPublished);
    engine_->adopt(*report.outcome);
    engine_->ingest(some_samples(200, version + 1));
  }
  const BuildReport report = carry_out(roll_back_order(1, 3));
  EXPECT_EQ(report.end, BuildEnd::kPublished);
  EXPECT_EQ(report.purpose, BuildPurpose::kRollBack);
  EXPECT_FALSE(report.outcome);
  ASSERT_NE(report.artifact, nullptr);
  const auto published = sink_.published();
  ASSERT_EQ(published.size(), 3U);
  EXPECT_EQ(published[2].manifest.rollback_of, Version{1});
  EXPECT_EQ(published[2].manifest.content_hash, published[0].manifest.content_hash);

  const BuildReport gone = carry_out(roll_back_order(9, 4));
  EXPECT_EQ(gone.end, BuildEnd::kFailed);
  EXPECT_EQ(gone.error.code, ErrorCode::kNotFound);
}

TEST_F(BuilderTest, CancelEndsTheWaitForARetryAndWhatIsQueued) {
  start(1h);
  sink_.fail_next_publish({ErrorCode::kUnavailable, "away", true});
  builder_->submit(order(1));
  builder_->submit(order(2));
  ASSERT_TRUE(retries_.pop());
  builder_->cancel();
  EXPECT_EQ(reports_.pop()->end, BuildEnd::kCancelled);
  const BuildReport second = *reports_.pop();
  EXPECT_EQ(second.end, BuildEnd::kCancelled);
  EXPECT_FALSE(second.outcome);  // not even built
  EXPECT_EQ(sink_.attempts(), 1);
}

// A build that would take much longer than it is given.
TEST_F(BuilderTest, CancelEndsABuild) {
  constexpr std::size_t kIds = 150'000;
  pipeline::EngineConfig config = engine_->config();
  config.tables[0].max_tracked_ids = kIds;
  config.tables[0].rows = kIds / 5;
  engine_ = pipeline::Engine::create(config).value();
  pipeline::EventBatch batch;
  batch.reset(1);
  batch.mutable_lengths(FeatureIndex{0}).assign(kIds / 2, 2);
  for (Id id = 0; id < kIds; ++id) batch.mutable_values(FeatureIndex{0}).push_back(id);
  batch.seal(kIds / 2);
  engine_->ingest(batch);
  for (const std::size_t threads : {0UL, 2UL}) {
    builder_.emplace(
        Builder::Options{.instance = "here", .threads = threads}, sink_, log_.log(), clock_,
        [this](BuildReport report) { reports_.push(std::move(report)); },
        [](TableIndex, const Error&) {});
    builder_->start();
    builder_->submit(order(1));
    std::this_thread::sleep_for(50ms);
    builder_->cancel();
    const BuildReport report = *reports_.pop();
    EXPECT_EQ(report.end, BuildEnd::kCancelled);
    EXPECT_FALSE(report.outcome);
    EXPECT_EQ(sink_.attempts(), 0);
  }
}

TEST_F(BuilderTest, AStopFinishesWhatWasSubmitted) {
  start();
  builder_->submit(order(1));
  builder_->request_stop();
  builder_->join();
  EXPECT_EQ(reports_.pop(0ms)->end, BuildEnd::kPublished);
}

}  // namespace
}  // namespace remapd::application
