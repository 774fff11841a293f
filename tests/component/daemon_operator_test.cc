// What operators can ask of a running daemon: lookups, a version now, freezing, rolling back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/client.h"
#include "tests/support/daemon_run.h"

namespace remapd::application {
namespace {

using test_support::TempDir;
using testing::HasSubstr;

class DaemonOperator : public testing::Test {
 protected:
  DaemonOperator() { generate_log(dir_ / "events.tsv", 12'000); }

  Result<Version> publish_now(const std::string& table) {
    return await_answer<Version>(
        [&](auto answer) { (*run_)->publish_now(table, std::move(answer)); }, 20s);
  }
  Result<void> freeze(const std::string& table, bool frozen) {
    return await_answer<void>(
        [&](auto answer) {
          frozen ? (*run_)->freeze(table, std::move(answer))
                 : (*run_)->unfreeze(table, std::move(answer));
        },
        20s);
  }
  Result<Version> roll_back(const std::string& table, Version to) {
    return await_answer<Version>(
        [&](auto answer) { (*run_)->roll_back(table, to, std::move(answer)); }, 20s);
  }
  Result<IdReport> lookup(const std::string& table, Id id) {
    return await_answer<IdReport>(
        [&](auto answer) { (*run_)->lookup(table, id, 5, std::move(answer)); }, 20s);
  }
  Result<std::vector<pipeline::IdStats>> heaviest(const std::string& table, std::size_t count) {
    return await_answer<std::vector<pipeline::IdStats>>(
        [&](auto answer) {
          (*run_)->heaviest(table, count, pipeline::RowRole::kAny, std::move(answer));
        },
        20s);
  }
  // A daemon that has taken in so many samples more and has nothing to do.
  void start(std::uint64_t samples, config::Config config) {
    const std::uint64_t before = run_ ? (*run_)->status()->samples : 0;
    run_.reset();
    run_ = std::make_unique<DaemonRun>(std::move(config), samples);
    ASSERT_TRUE(run_->wait_for_samples(before + samples));
    settle();
  }
  void start(std::uint64_t samples) { start(samples, config_in(dir_.path())); }
  void go_on(std::uint64_t samples) {
    const std::uint64_t before = (*run_)->status()->samples;
    given_ += samples;
    run_->let_through(given_);
    ASSERT_TRUE(run_->wait_for_samples(before + samples));
    settle();
  }
  // Answers come in order: an empty question is answered once all before it has been dealt with.
  void settle() {
    ASSERT_TRUE(run_->wait_for([](const Status& status) {
      return std::none_of(status.tables.begin(), status.tables.end(),
                          [](const TableStatus& table) { return table.building; });
    }));
  }
  const TableStatus status(std::size_t table) { return (*run_)->status()->tables[table]; }

  TempDir dir_;
  std::unique_ptr<DaemonRun> run_;
  std::uint64_t given_ = 0;
};

TEST_F(DaemonOperator, LooksIdsUp) {
  start(4'000);
  const auto ids = heaviest("item", 3);
  ASSERT_TRUE(ids);
  ASSERT_EQ(ids->size(), 3U);
  EXPECT_GE((*ids)[0].frequency, (*ids)[1].frequency);
  const auto report = lookup("item", (*ids)[0].id);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->version, status(1).stats.version);
  EXPECT_EQ(report->id.row, (*ids)[0].row);
  EXPECT_EQ(report->id.frequency, (*ids)[0].frequency);

  // An id it has never seen goes to a fallback row, and meets those that share it.
  const auto unknown = lookup("item", 12'345);
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->id.frequency, 0);
  ASSERT_NE(unknown->id.row, kNoRow);
  const auto sharing = await_answer<std::vector<pipeline::IdStats>>(
      [&](auto answer) { (*run_)->sharing_row("item", unknown->id.row, 5, std::move(answer)); },
      20s);
  ASSERT_TRUE(sharing);
  ASSERT_EQ(sharing->size(), unknown->row_mates.size());
  for (std::size_t i = 0; i < sharing->size(); ++i) {
    EXPECT_EQ((*sharing)[i].id, unknown->row_mates[i].id);
    EXPECT_EQ((*sharing)[i].row, unknown->id.row);
  }
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, RowMatesAreTheOthersOfTheRow) {
  start(4'000);
  // Categories share 8 rows among 10 ids, so some id has company.
  const auto ids = heaviest("category", 10);
  ASSERT_TRUE(ids);
  std::size_t mates = 0;
  for (const pipeline::IdStats& id : *ids) {
    const auto report = lookup("category", id.id);
    ASSERT_TRUE(report);
    for (const pipeline::IdStats& mate : report->row_mates) {
      EXPECT_NE(mate.id, id.id);
      EXPECT_EQ(mate.row, report->id.row);
      ++mates;
    }
  }
  EXPECT_GT(mates, 0U);
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, UnknownTablesAreNamed) {
  start(200);
  const auto result = publish_now("itme");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(result.error().message, "there is no table \"itme\"; there are: user, item, category");
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, PublishesNow) {
  start(1'400);
  const Version before = status(1).stats.version;
  EXPECT_EQ(before, Version{1});
  const auto version = publish_now("item");
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_EQ(*version, Version{2});
  const auto chain = manifests(dir_ / "mappings", "item");
  ASSERT_EQ(chain.size(), 2U);
  EXPECT_EQ(chain.back().built_samples, 1'400U);
  EXPECT_EQ(status(0).stats.version, Version{1});  // the other tables are left alone
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, TheGatesHoldForPublishNowToo) {
  start(400);
  const auto version = publish_now("item");
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, ErrorCode::kConflict);
  EXPECT_THAT(version.error().message, HasSubstr("publish.gates.min_samples asks for 1000"));
  EXPECT_EQ(status(1).refused, 1U);
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, AFrozenTableStandsStillUntilUnfrozen) {
  given_ = 1'400;
  start(given_);
  ASSERT_TRUE(freeze("item", true));
  ASSERT_TRUE(freeze("item", true));
  const auto refused = publish_now("item");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  go_on(5'000);
  EXPECT_TRUE(status(1).frozen);
  EXPECT_EQ(status(1).stats.version, Version{1});
  EXPECT_GT(status(0).stats.version, Version{1});
  const std::uint64_t seen = status(1).stats.accesses;

  // Across a restart.
  ASSERT_TRUE(run_->stop());
  given_ = 3'000;
  start(given_);
  EXPECT_TRUE(status(1).frozen);
  EXPECT_EQ(status(1).stats.version, Version{1});
  EXPECT_GT(status(1).stats.accesses, seen);  // it goes on learning

  ASSERT_TRUE(freeze("item", false));
  go_on(200);
  EXPECT_FALSE(status(1).frozen);
  EXPECT_EQ(status(1).stats.version, Version{2});
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, FreezingTakesACheckpointAtOnce) {
  config::Config config = config_in(dir_.path());
  config.checkpoint.interval = 24h;
  start(1'400, config);
  const std::uint64_t saved = (*run_)->status()->checkpoint.saved;
  ASSERT_TRUE(freeze("item", true));
  EXPECT_TRUE(run_->wait_for([&](const Status& s) { return s.checkpoint.saved > saved; }));
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, RollsBack) {
  config::Config config = config_in(dir_.path());
  config.sink.snapshot_share = 0;
  given_ = 6'000;
  start(given_, config);
  const Version newest = status(1).stats.version;
  ASSERT_GE(newest, Version{3});
  const auto version = roll_back("item", Version{1});
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_EQ(version->value, newest.value + 1);
  EXPECT_TRUE(status(1).frozen);
  EXPECT_EQ(status(1).stats.version, *version);

  const auto chain = manifests(dir_ / "mappings", "item");
  EXPECT_EQ(chain.back().rollback_of, Version{1});
  EXPECT_EQ(chain.back().info.parent, newest);
  EXPECT_EQ(chain.back().content_hash, chain.front().content_hash);
  EXPECT_TRUE(chain.back().blob(mapping::BlobKind::kPlan));

  // Frozen: nothing undoes it.
  go_on(4'000);
  EXPECT_EQ(status(1).stats.version, *version);

  // Unfrozen, the next version leads on from it, and clients can follow all the way.
  ASSERT_TRUE(freeze("item", false));
  go_on(200);
  EXPECT_EQ(status(1).stats.version.value, version->value + 1);
  ASSERT_TRUE(run_->stop());
  auto source = files::DirectoryMappingSource::create(dir_ / "mappings", "item");
  auto client = client::Client::create(std::move(*source), {.table = "item", .rows = 150});
  ASSERT_TRUE((*client)->poll(0ms));
  while (!(*client)->staged().empty()) {
    ASSERT_TRUE((*client)->swap_next(client::Unmigrated::kAllow));
  }
  EXPECT_EQ((*client)->stats().last_problem, "");
  EXPECT_EQ((*client)->served().value, version->value + 1);
}

TEST_F(DaemonOperator, RollsBackToACompactVersion) {
  config::Config config = config_in(dir_.path());
  config.tables[1].artifact = mapping::ArtifactKind::kCompact;
  given_ = 6'000;
  start(given_, config);
  const auto version = roll_back("item", Version{1});
  ASSERT_TRUE(version) << version.error().message;
  const auto chain = manifests(dir_ / "mappings", "item");
  EXPECT_EQ(chain.back().info.version, *version);
  EXPECT_EQ(chain.back().content_hash, chain.front().content_hash);
  EXPECT_EQ(chain.back().blob(mapping::BlobKind::kSnapshot)->size,
            chain.front().blob(mapping::BlobKind::kSnapshot)->size);
  ASSERT_TRUE(freeze("item", false));
  go_on(4'200);
  EXPECT_GT(status(1).stats.version, *version);
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, RollsBackToAVersionPublishedAsADelta) {
  start(1'400);
  // The same ids as in the version before, so that a delta fits.
  const auto old = publish_now("category");
  ASSERT_TRUE(old);
  ASSERT_TRUE(publish_now("category"));
  const auto before = manifests(dir_ / "mappings", "category");
  ASSERT_EQ(before.size(), 3U);
  ASSERT_EQ(before[1].info.version, *old);
  ASSERT_FALSE(before[1].blob(mapping::BlobKind::kSnapshot));
  const auto version = roll_back("category", *old);
  ASSERT_TRUE(version) << version.error().message;
  const auto after = manifests(dir_ / "mappings", "category").back();
  EXPECT_EQ(after.rollback_of, *old);
  EXPECT_EQ(after.content_hash, before[1].content_hash);
  EXPECT_EQ(after.ids, before[1].ids);
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, ARollBackSurvivesALostCheckpoint) {
  config::Config config = config_in(dir_.path());
  config.sink.snapshot_share = 0;
  start(6'000, config);
  const auto version = roll_back("item", Version{1});
  ASSERT_TRUE(version) << version.error().message;
  ASSERT_TRUE(run_->stop());
  std::filesystem::remove_all(dir_ / "checkpoints");
  run_ = std::make_unique<DaemonRun>(config, 0);
  ASSERT_TRUE(run_->wait_for_phase(Phase::kRunning));
  EXPECT_EQ(status(1).stats.version, *version);
  EXPECT_TRUE(status(1).frozen);
  EXPECT_FALSE(status(0).frozen);
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, RollBacksThatCannotBe) {
  start(6'000);
  const Version newest = status(1).stats.version;
  ASSERT_GE(newest, Version{3});
  EXPECT_EQ(roll_back("item", newest).error().code, ErrorCode::kConflict);
  EXPECT_EQ(roll_back("item", Version{newest.value + 1}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(roll_back("item", kNoVersion).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(status(1).stats.version, newest);
  EXPECT_FALSE(status(1).frozen);
  EXPECT_EQ(status(1).problem, "");
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, AfterTheEndEverythingIsAnsweredCancelled) {
  start(400);
  ASSERT_TRUE(run_->stop());
  EXPECT_EQ(publish_now("item").error().code, ErrorCode::kCancelled);
  EXPECT_EQ(lookup("item", 1).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(freeze("item", true).error().code, ErrorCode::kCancelled);
}

TEST_F(DaemonOperator, ABusyDaemonIsNotWaitedForForEver) {
  std::promise<void> go_on_now;
  const auto may_go_on = go_on_now.get_future().share();
  std::promise<void> begun;
  std::atomic<bool> first{true};
  run_ = std::make_unique<DaemonRun>(config_in(dir_.path()), 1'400,
                                     [&](const mapping::Publication&) -> Result<void> {
                                       if (first.exchange(false)) begun.set_value();
                                       may_go_on.wait();
                                       return {};
                                     });
  begun.get_future().wait();
  // The version in flight must be out first.
  const auto late = await_answer<Version>(
      [&](auto answer) { (*run_)->publish_now("user", std::move(answer)); }, 100ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(late.error().retryable);
  // Lookups are answered meanwhile.
  EXPECT_TRUE(lookup("item", 1));
  go_on_now.set_value();
  EXPECT_TRUE(run_->wait_for([](const Status& s) { return s.tables[0].published >= 2; }));
  ASSERT_TRUE(run_->stop());
}

// Or one who sends a single sample to try it wonders why nothing comes of it.
TEST_F(DaemonOperator, SamplesThatWaitForTheirMiniBatchAreSeen) {
  start(200);
  const auto status = (*run_)->status();
  EXPECT_EQ(status->samples, 200U);
  EXPECT_EQ(status->mini_batch, 64U);
  EXPECT_EQ(status->waiting_samples, 200U % 64U);
  ASSERT_TRUE(run_->stop());
}

TEST_F(DaemonOperator, SetsTheLogLevel) {
  start(200);
  (*run_)->set_log_level(config::LogLevel::kError);
  ASSERT_TRUE(run_->stop());
  EXPECT_THAT(run_->log_text(), testing::Not(HasSubstr("stopped")));
}

}  // namespace
}  // namespace remapd::application
