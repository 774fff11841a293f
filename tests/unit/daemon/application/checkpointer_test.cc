#include "daemon/application/checkpointer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_lines.h"
#include "tests/support/manual_clock.h"
#include "tests/support/recording_dead_letters.h"
#include "tests/unit/daemon/application/small_engine.h"

namespace remapd::application {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class MemoryStore final : public pipeline::CheckpointStore {
 public:
  Result<void> save(const std::vector<ByteView>& pieces) override {
    if (refuse_with) return fail(*refuse_with);
    Bytes& checkpoint = saved.emplace_back();
    for (const ByteView piece : pieces) {
      checkpoint.insert(checkpoint.end(), piece.begin(), piece.end());
    }
    return {};
  }
  Result<Loaded> load_latest() override {
    Loaded loaded;
    if (!saved.empty()) loaded.checkpoint = saved.back();
    loaded.skipped = skipped;
    return loaded;
  }

  Result<bool> take_over(std::string_view instance) override {
    holder = instance;
    return std::exchange(current, true);
  }

  std::vector<Bytes> saved;
  std::string holder;
  bool current = true;
  std::vector<std::string> skipped;
  std::optional<Error> refuse_with;
};

class FlushFails final : public pipeline::DeadLetterSink {
 public:
  Result<void> accept(const pipeline::DeadLetter&) override { return {}; }
  Result<void> flush() override { return fail(ErrorCode::kResource, "no space", true); }
};

class CheckpointerTest : public testing::Test {
 protected:
  std::unique_ptr<Checkpointer> make(pipeline::CheckpointStore* store,
                                     pipeline::DeadLetterSink* dead_letters = nullptr) {
    return std::make_unique<Checkpointer>(
        store, dead_letters, log_.log(), clock_,
        [this](Task task) { tasks_.push(std::move(task)); },
        [this](const pipeline::StreamOffsets& offsets) { durable_.push_back(offsets); });
  }
  pipeline::CheckpointHeader header() const {
    return {.source = "file a",
            .saved_ms = 7,
            .samples = engine_->samples(),
            .offsets = {{0, 42}},
            .tables = {{"item", Version{3}, {.gap = 5, .due_at = 9}, true}}};
  }
  void run_one_task() { (*tasks_.pop())(); }

  std::unique_ptr<pipeline::Engine> engine_ = small_engine();
  MemoryStore store_;
  test_support::LogLines log_;
  test_support::ManualClock clock_;
  Mailbox<Task> tasks_;
  std::vector<pipeline::StreamOffsets> durable_;
};

TEST_F(CheckpointerTest, BringsBackWhatItSaved) {
  engine_->ingest(some_samples(100));
  const auto checkpointer = make(&store_);
  checkpointer->start();
  checkpointer->save(header(), *engine_);
  EXPECT_TRUE(checkpointer->in_flight());
  EXPECT_TRUE(durable_.empty());
  run_one_task();
  EXPECT_FALSE(checkpointer->in_flight());
  EXPECT_EQ(durable_, std::vector<pipeline::StreamOffsets>{header().offsets});
  EXPECT_EQ(checkpointer->status().saved, 1U);
  EXPECT_EQ(checkpointer->status().last_samples, 100U);
  EXPECT_EQ(checkpointer->status().last_bytes, store_.saved[0].size());

  const auto restored = small_engine();
  const auto found = make(&store_)->restore(*restored);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, header());
  EXPECT_EQ(restored->samples(), 100U);
}

TEST_F(CheckpointerTest, ANewStoreHasNone) {
  const auto found = make(&store_)->restore(*engine_);
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(CheckpointerTest, WithoutAStoreNothingIsDue) {
  const auto checkpointer = make(nullptr);
  checkpointer->start();
  checkpointer->hurry();
  clock_.advance(1h);
  EXPECT_FALSE(checkpointer->due(1s));
  EXPECT_FALSE(checkpointer->status().enabled);
  checkpointer->save(header(), *engine_);
  EXPECT_FALSE(checkpointer->in_flight());
}

TEST_F(CheckpointerTest, IsDueAfterTheIntervalOrWhenHurried) {
  const auto checkpointer = make(&store_);
  checkpointer->start();
  EXPECT_FALSE(checkpointer->due(10s));
  clock_.advance(10s);
  EXPECT_TRUE(checkpointer->due(10s));
  checkpointer->save(header(), *engine_);
  checkpointer->hurry();
  EXPECT_FALSE(checkpointer->due(10s));  // one is in flight
  run_one_task();
  EXPECT_TRUE(checkpointer->due(10s));
  checkpointer->save(header(), *engine_);
  run_one_task();
  EXPECT_FALSE(checkpointer->due(10s));
}

TEST_F(CheckpointerTest, AFailureIsToldAndPasses) {
  store_.refuse_with = Error{ErrorCode::kResource, "no space", true};
  const auto checkpointer = make(&store_);
  checkpointer->start();
  checkpointer->save(header(), *engine_);
  run_one_task();
  EXPECT_EQ(checkpointer->status().failed, 1U);
  EXPECT_EQ(checkpointer->status().problem, "no space");
  EXPECT_TRUE(durable_.empty());
  EXPECT_FALSE(checkpointer->superseded());
  store_.refuse_with.reset();
  checkpointer->save(header(), *engine_);
  run_one_task();
  EXPECT_EQ(checkpointer->status().problem, "");
  EXPECT_EQ(durable_.size(), 1U);
}

TEST_F(CheckpointerTest, AnotherInstanceEndsIt) {
  store_.refuse_with = Error{ErrorCode::kConflict, "someone else saves here", false};
  const auto checkpointer = make(&store_);
  checkpointer->start();
  checkpointer->save(header(), *engine_);
  run_one_task();
  ASSERT_TRUE(checkpointer->superseded());
  EXPECT_THAT(checkpointer->superseded()->message, HasSubstr("checkpoint.dir"));
}

// Reading must not go on behind letters that are lost in a crash.
TEST_F(CheckpointerTest, DeadLettersAreMadeSafeFirst) {
  FlushFails dead_letters;
  const auto checkpointer = make(&store_, &dead_letters);
  checkpointer->start();
  checkpointer->save(header(), *engine_);
  EXPECT_FALSE(checkpointer->in_flight());
  EXPECT_EQ(checkpointer->status().problem, "dead letters: no space");
  EXPECT_TRUE(store_.saved.empty());
}

TEST_F(CheckpointerTest, SaysWhichWereSkipped) {
  store_.skipped = {"checkpoint-7: damaged"};
  ASSERT_TRUE(make(&store_)->restore(*engine_));
  EXPECT_THAT(log_.text(), HasSubstr("checkpoint-7: damaged"));
}

TEST_F(CheckpointerTest, StopFinishesTheOneInFlight) {
  const auto checkpointer = make(&store_);
  checkpointer->start();
  checkpointer->save(header(), *engine_);
  checkpointer->stop();
  EXPECT_EQ(store_.saved.size(), 1U);
  EXPECT_TRUE(tasks_.pop(0ms));
}

TEST_F(CheckpointerTest, ADamagedCheckpointIsAnError) {
  store_.saved = {Bytes(20, std::byte{1})};
  const auto found = make(&store_)->restore(*engine_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(found.error().message, HasSubstr("checkpoint.dir"));
}

}  // namespace
}  // namespace remapd::application
