#include "daemon/application/pipeline.h"

#include <atomic>
#include <future>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_lines.h"
#include "tests/support/memory_sink.h"
#include "tests/unit/daemon/application/small_engine.h"

namespace remapd::application {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Gives what a test pushes; nothing until then.
class ScriptedSource final : public pipeline::EventSource {
 public:
  using Step = std::function<Result<pipeline::PollOutcome>(pipeline::EventBatch&)>;
  struct Script {
    Mailbox<Step> steps;
    Mailbox<pipeline::StreamOffsets> started;
    Mailbox<pipeline::StreamOffsets> committed;
    Mailbox<Error> start_errors;
  };

  explicit ScriptedSource(Script& script) : script_(script) {}
  Result<void> start(const pipeline::StreamOffsets& from) override {
    script_.started.push(from);
    if (auto error = script_.start_errors.pop(0ms)) return fail(std::move(*error));
    return {};
  }
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch& into,
                                     std::chrono::milliseconds) override {
    const auto step = script_.steps.pop(5ms);
    return step ? (*step)(into) : pipeline::PollOutcome::kIdle;
  }
  pipeline::StreamOffsets offsets() const override { return {{0, 42}}; }
  Result<void> commit(const pipeline::StreamOffsets& offsets) override {
    script_.committed.push(offsets);
    return {};
  }
  pipeline::SourceCounters counters() const override { return {}; }

 private:
  Script& script_;
};

// Fails as a test says, one error a checkpoint.
class MemoryStore final : public pipeline::CheckpointStore {
 public:
  MemoryStore(Mailbox<Error>& errors, Result<Loaded> holds, bool& outdated)
      : errors_(errors), holds_(std::move(holds)), outdated_(outdated) {}
  Result<void> save(const std::vector<ByteView>&) override {
    if (auto error = errors_.pop(0ms)) return fail(std::move(*error));
    return {};
  }
  Result<Loaded> load_latest() override { return holds_; }
  Result<bool> take_over(std::string_view) override { return !std::exchange(outdated_, false); }

 private:
  Mailbox<Error>& errors_;
  Result<Loaded> holds_;
  bool& outdated_;
};

// Counts how often it is asked to show what it has.
class CountingDeadLetters final : public pipeline::DeadLetterSink {
 public:
  explicit CountingDeadLetters(std::atomic<int>& shown) : shown_(shown) {}
  Result<void> accept(const pipeline::DeadLetter&) override { return {}; }
  Result<void> show() override {
    ++shown_;
    return fail(ErrorCode::kIo, "the disk is full");
  }
  Result<void> flush() override { return {}; }

 private:
  std::atomic<int>& shown_;
};

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    options_.instance = "here";
    options_.schedule = {.every_samples = 200,
                         .first_samples = 100,
                         .full_samples = 200,
                         .growth = 2,
                         .full_samples_per_id = 0};
    options_.start_retry = 1ms;
  }

  void make() {
    Ports ports;
    auto sink = std::make_unique<test_support::MemorySink>();
    sink_ = sink.get();
    ports.sink = std::move(sink);
    ports.source = std::make_unique<ScriptedSource>(script_);
    ports.checkpoints = std::make_unique<MemoryStore>(checkpoint_errors_, checkpoints_, outdated_);
    ports.stream = "a test";
    ports.dead_letters = std::make_unique<CountingDeadLetters>(dead_letters_shown_);
    pipeline_.emplace(options_, small_engine(), std::move(ports), board_, log_.log(), clock_);
  }
  void give_samples(std::size_t count) {
    script_.steps.push([count](pipeline::EventBatch& into) {
      into = some_samples(count);
      into.event_time_ms = 99;
      return pipeline::PollOutcome::kBatch;
    });
  }
  void give_error(Error error) {
    script_.steps.push(
        [error](pipeline::EventBatch&) -> Result<pipeline::PollOutcome> { return fail(error); });
  }
  void give_end() {
    script_.steps.push([](pipeline::EventBatch&) { return pipeline::PollOutcome::kEnd; });
  }
  bool wait_for(const std::function<bool(const Status&)>& condition) {
    for (int i = 0; i < 6'000; ++i) {
      if (condition(*board_.read())) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

  Pipeline::Options options_;
  ScriptedSource::Script script_;
  Mailbox<Error> checkpoint_errors_;
  Result<pipeline::CheckpointStore::Loaded> checkpoints_{};
  bool outdated_ = false;  // another instance saves while this one starts
  test_support::MemorySink* sink_ = nullptr;
  std::atomic<int> dead_letters_shown_{0};
  StatusBoard board_;
  test_support::LogLines log_;
  SystemClock clock_;
  std::optional<Pipeline> pipeline_;
};

TEST_F(PipelineTest, ReadsPublishesAndEnds) {
  make();
  give_samples(150);
  give_end();
  pipeline_->start();
  ASSERT_TRUE(pipeline_->join());
  EXPECT_TRUE(pipeline_->finished());
  EXPECT_EQ(sink_->published().size(), 2U);  // at 100, and at the end
  const auto status = board_.read();
  EXPECT_EQ(status->phase, Phase::kStopped);
  EXPECT_EQ(status->samples, 150U);
  EXPECT_EQ(status->event_time_ms, 99);
  EXPECT_EQ(status->source, "a test");
  EXPECT_EQ(status->offsets, (pipeline::StreamOffsets{{0, 42}}));
  EXPECT_EQ(status->checkpoint.saved, 2U);  // at the start, and at the end
  EXPECT_EQ(script_.committed.pop(0ms), (pipeline::StreamOffsets{{0, 42}}));
}

TEST_F(PipelineTest, ShowsDeadLettersWhileItReads) {
  make();
  pipeline_->start();
  EXPECT_TRUE(wait_for([this](const Status&) { return dead_letters_shown_ >= 3; }));
  pipeline_->request_stop();
  ASSERT_TRUE(pipeline_->join()) << "a letter that cannot be shown yet is no reason to stop";
}

TEST_F(PipelineTest, StaysUpAfterTheEndIfItShould) {
  options_.stop_at_end = false;
  make();
  give_samples(150);
  give_end();
  pipeline_->start();
  ASSERT_TRUE(wait_for(
      [](const Status& s) { return s.phase == Phase::kEnded && s.tables[0].published == 2; }));
  EXPECT_FALSE(pipeline_->finished());
  const std::uint64_t beats = pipeline_->beats();
  EXPECT_TRUE(wait_for([&](const Status&) { return pipeline_->beats() > beats; }));
  pipeline_->request_stop();
  EXPECT_TRUE(pipeline_->join());
}

TEST_F(PipelineTest, TriesToStartUntilItCan) {
  make();
  sink_->fail_next_take_over({ErrorCode::kUnavailable, "locked", true});
  script_.start_errors.push({ErrorCode::kUnavailable, "no broker", true});
  give_end();
  pipeline_->start();
  ASSERT_TRUE(pipeline_->join());
  EXPECT_THAT(log_.text(), HasSubstr("locked"));
  EXPECT_THAT(log_.text(), HasSubstr("no broker"));
}

TEST_F(PipelineTest, AStopEndsTheWaitForTheStart) {
  options_.start_retry = 1h;
  make();
  sink_->fail_next_examine({ErrorCode::kUnavailable, "locked", true});
  pipeline_->start();
  ASSERT_TRUE(wait_for([](const Status& s) { return s.problem == "table item: locked"; }));
  EXPECT_EQ(board_.read()->phase, Phase::kStarting);
  pipeline_->request_stop();
  EXPECT_TRUE(pipeline_->join());
  EXPECT_EQ(board_.read()->phase, Phase::kStopped);
  EXPECT_EQ(board_.read()->checkpoint.saved, 0U);  // there is nothing to keep
}

// Or a crash would not find where the stream began.
TEST_F(PipelineTest, ReadsNothingBeforeTheFirstCheckpointIsKept) {
  options_.start_retry = 1h;
  make();
  checkpoint_errors_.push({ErrorCode::kIo, "disk broken", false});
  give_samples(150);
  pipeline_->start();
  ASSERT_TRUE(wait_for([](const Status& s) { return s.problem == "disk broken"; }));
  EXPECT_EQ(board_.read()->phase, Phase::kRestoring);
  pipeline_->request_stop();
  EXPECT_TRUE(pipeline_->join());
  EXPECT_EQ(board_.read()->samples, 0U);
  EXPECT_EQ(sink_->published().size(), 0U);
  EXPECT_EQ(board_.read()->checkpoint.saved, 1U);  // at the end
}

TEST_F(PipelineTest, TriesToKeepTheFirstCheckpointUntilItCan) {
  make();
  for (int i = 0; i < 3; ++i) checkpoint_errors_.push({ErrorCode::kResource, "disk full", true});
  give_samples(150);
  give_end();
  pipeline_->start();
  ASSERT_TRUE(pipeline_->join());
  EXPECT_EQ(board_.read()->samples, 150U);
  EXPECT_EQ(sink_->published().size(), 2U);
  EXPECT_EQ(board_.read()->checkpoint.failed, 3U);
  EXPECT_EQ(board_.read()->checkpoint.saved, 2U);
  EXPECT_EQ(board_.read()->problem, "");
  EXPECT_THAT(log_.text(), HasSubstr("keep the first checkpoint"));
}

TEST_F(PipelineTest, AnotherInstancesCheckpointsEndTheStart) {
  make();
  checkpoint_errors_.push({ErrorCode::kConflict, "another one saves there", false});
  pipeline_->start();
  const auto end = pipeline_->join();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::kConflict);
  EXPECT_THAT(end.error().message, HasSubstr("another one saves there"));
  EXPECT_EQ(board_.read()->phase, Phase::kFailed);
}

TEST_F(PipelineTest, AStartThatCannotBeIsAnError) {
  make();
  sink_->fail_next_take_over({ErrorCode::kIo, "broken", false});
  pipeline_->start();
  const auto end = pipeline_->join();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message, "table item: broken");
  EXPECT_EQ(board_.read()->phase, Phase::kFailed);
  EXPECT_EQ(board_.read()->problem, "table item: broken");
}

// The instance that publishes now is left alone by one that cannot.
TEST_F(PipelineTest, NothingIsTakenOverBeforeTheSinkIsThere) {
  make();
  sink_->fail_next_examine({ErrorCode::kConfig, "not compacted", false});
  pipeline_->start();
  EXPECT_EQ(pipeline_->join().error().message, "table item: not compacted");
  EXPECT_EQ(sink_->claims(), 0);
}

TEST_F(PipelineTest, NothingIsTakenOverBeforeTheCheckpointFits) {
  checkpoints_ = fail(ErrorCode::kCorrupt, "none can be read");
  make();
  pipeline_->start();
  EXPECT_EQ(pipeline_->join().error().message, "checkpoint.dir: none can be read");
  EXPECT_EQ(sink_->claims(), 0);
}

TEST_F(PipelineTest, NothingIsTakenOverBeforeTheSourceAnswers) {
  options_.start_retry = 1h;
  make();
  script_.start_errors.push({ErrorCode::kNotFound, "no such topic", true});
  pipeline_->start();
  ASSERT_TRUE(wait_for([](const Status& s) { return s.problem == "no such topic"; }));
  EXPECT_EQ(sink_->claims(), 0);
  pipeline_->request_stop();
  EXPECT_TRUE(pipeline_->join());
  EXPECT_EQ(sink_->claims(), 0);
}

TEST_F(PipelineTest, ACheckpointSavedDuringTheStartIsLoadedInstead) {
  outdated_ = true;
  make();
  give_end();
  pipeline_->start();
  ASSERT_TRUE(pipeline_->join());
  EXPECT_EQ(sink_->claims(), 1);
  EXPECT_TRUE(script_.started.pop(0ms));
  EXPECT_TRUE(script_.started.pop(0ms));
  EXPECT_FALSE(script_.started.pop(0ms));
  EXPECT_THAT(log_.text(), HasSubstr("going on from that one"));
}

TEST_F(PipelineTest, SourceErrorsThatPassAreShown) {
  make();
  give_error({ErrorCode::kUnavailable, "all brokers down", true});
  pipeline_->start();
  EXPECT_TRUE(wait_for([](const Status& s) { return s.source_errors == 1; }));
  give_end();
  ASSERT_TRUE(pipeline_->join());
  EXPECT_THAT(log_.text(), HasSubstr("all brokers down"));
  EXPECT_EQ(board_.read()->problem, "");
}

// What is due when the source fails needs no more of it.
TEST_F(PipelineTest, SourceErrorsDelayNoVersion) {
  make();
  give_samples(100);
  give_error({ErrorCode::kUnavailable, "all brokers down", true});
  pipeline_->start();
  EXPECT_TRUE(wait_for([](const Status& s) {
    return s.tables[0].published == 1 && s.samples == 100 && s.phase == Phase::kRunning;
  }));
  give_end();
  ASSERT_TRUE(pipeline_->join());
}

// The example engine's only feature, in samples that have none of it.
TEST_F(PipelineTest, AFeatureThatNeverComesIsToldAndItsTableHasNoVersion) {
  make();
  const auto give_empty = [&](std::size_t count) {
    script_.steps.push([count](pipeline::EventBatch& into) {
      into.reset(1);
      into.seal(count);
      return pipeline::PollOutcome::kBatch;
    });
  };
  give_empty(999);
  pipeline_->start();
  ASSERT_TRUE(wait_for([](const Status& s) { return s.samples == 999; }));
  EXPECT_TRUE(board_.read()->problems.empty());
  give_empty(2);
  ASSERT_TRUE(wait_for([](const Status& s) { return !s.problems.empty(); }));
  EXPECT_EQ(board_.read()->problems[0].code, ProblemCode::kFeatureMissing);
  EXPECT_GT(board_.read()->problems[0].since_ms, 0);
  EXPECT_THAT(log_.text(), HasSubstr("feature_missing"));
  give_samples(200);
  ASSERT_TRUE(wait_for([](const Status& s) { return s.problems.empty(); }));
  EXPECT_THAT(log_.text(), HasSubstr("problem is over"));
  give_end();
  ASSERT_TRUE(pipeline_->join());
  ASSERT_FALSE(sink_->published().empty());
  EXPECT_EQ(sink_->published()[0].manifest.info.version, Version{1});
  EXPECT_GT(sink_->published()[0].manifest.built_samples, 1'001U);
}

TEST_F(PipelineTest, TimesFarAheadOrBehindAreTakenInAndNotShown) {
  make();
  for (const std::int64_t time : {std::numeric_limits<std::int64_t>::max(), std::int64_t{1},
                                  std::numeric_limits<std::int64_t>::min()}) {
    script_.steps.push([time](pipeline::EventBatch& into) {
      into = some_samples(10);
      into.event_time_ms = time;
      return pipeline::PollOutcome::kBatch;
    });
  }
  give_end();
  pipeline_->start();
  ASSERT_TRUE(pipeline_->join());
  EXPECT_EQ(board_.read()->samples, 30U);
  EXPECT_EQ(board_.read()->event_time_ms, 1);
  EXPECT_THAT(log_.text(), HasSubstr("event times lie more than a day ahead"));
}

TEST_F(PipelineTest, SourceErrorsThatDoNotPassEndItAfterACheckpoint) {
  make();
  give_samples(50);
  give_error({ErrorCode::kCorrupt, "damaged", false});
  pipeline_->start();
  const auto end = pipeline_->join();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message, "a test: damaged");
  EXPECT_EQ(board_.read()->checkpoint.last_samples, 50U);
}

TEST_F(PipelineTest, QuestionsAreAnsweredOnceItReads) {
  make();
  std::promise<std::uint64_t> answered;
  pipeline_->ask<std::uint64_t>(
      [&](Result<std::uint64_t> result) { answered.set_value(result.value()); },
      [](Publisher&, const pipeline::Engine& engine, const Answer<std::uint64_t>& answer) {
        answer(engine.tracked_ids(TableIndex{0}));
      });
  auto future = answered.get_future();
  EXPECT_EQ(future.wait_for(0ms), std::future_status::timeout);
  pipeline_->start();
  EXPECT_EQ(future.get(), 0U);
  pipeline_->request_stop();
  ASSERT_TRUE(pipeline_->join());
}

TEST_F(PipelineTest, WithoutAStartQuestionsAreAnsweredInTheEnd) {
  make();
  std::optional<Result<int>> answer;
  pipeline_->ask<int>([&](Result<int> result) { answer = std::move(result); },
                      [](Publisher&, const pipeline::Engine&, const Answer<int>& to) { to(1); });
  EXPECT_TRUE(pipeline_->join());
  pipeline_.reset();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kCancelled);
}

TEST_F(PipelineTest, SettingsChangeWhileItRuns) {
  options_.live.publish.gates.min_samples = 1'000;
  make();
  pipeline_->start();
  give_samples(150);
  ASSERT_TRUE(wait_for([](const Status& s) { return s.tables[0].refused == 1; }));
  Pipeline::LiveSettings live = options_.live;
  live.publish.gates.min_samples = 0;
  pipeline_->apply(live);
  give_samples(200);
  EXPECT_TRUE(wait_for([](const Status& s) { return s.tables[0].published == 1; }));
  pipeline_->request_stop();
  ASSERT_TRUE(pipeline_->join());
}

}  // namespace
}  // namespace remapd::application
