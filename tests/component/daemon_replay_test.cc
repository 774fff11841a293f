// The daemon over a recorded log: what it publishes, and that stopping, killing and obstructing it
// changes nothing about that.
#include <filesystem>
#include <future>
#include <map>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/client.h"
#include "tests/support/daemon_run.h"
#include "tests/support/file_size_limit.h"

namespace remapd::application {
namespace {

using test_support::TempDir;
using testing::HasSubstr;

constexpr std::uint64_t kSamples = 14'000;
const std::vector<std::string> kTables{"user", "item", "category"};

config::Config compact_config_in(const std::filesystem::path& dir) {
  config::Config config = config_in(dir);
  for (auto& table : config.tables) table.artifact = mapping::ArtifactKind::kCompact;
  return config;
}

std::map<std::string, std::string> run_undisturbed(
    config::Config (*config)(const std::filesystem::path&)) {
  const TempDir dir;
  generate_log(dir / "events.tsv", kSamples);
  DaemonRun run(config(dir.path()));
  EXPECT_TRUE(run.run_to_its_end());
  return published(dir / "mappings");
}

// What the same log gives undisturbed, made once.
const std::map<std::string, std::string>& undisturbed() {
  static const std::map<std::string, std::string> versions = run_undisturbed(config_in);
  return versions;
}

class DaemonReplay : public testing::Test {
 protected:
  DaemonReplay() { generate_log(dir_ / "events.tsv", kSamples); }

  // Files of the checkpoint directory put aside, and put back as a crash would leave them.
  void keep_checkpoints() {
    std::filesystem::copy(dir_ / "checkpoints", dir_ / "kept",
                          std::filesystem::copy_options::recursive);
  }
  void bring_back_checkpoints() {
    std::filesystem::remove_all(dir_ / "checkpoints");
    std::filesystem::rename(dir_ / "kept", dir_ / "checkpoints");
  }
  std::map<std::string, std::string> versions() const { return published(dir_ / "mappings"); }
  void expect_clients_agree(const config::Config& config, std::uint64_t& deltas);

  TempDir dir_;
};

TEST_F(DaemonReplay, VersionsComeOneByOneAndTellTheirPlaceInTheStream) {
  DaemonRun run(config_in(dir_.path()));
  const auto end = run.run_to_its_end();
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(run->status()->phase, Phase::kStopped);
  for (const std::string& table : kTables) {
    const auto chain = manifests(dir_ / "mappings", table);
    ASSERT_GE(chain.size(), 4U) << table;
    EXPECT_EQ(chain.front().built_samples, 1'000U);
    for (std::size_t i = 0; i < chain.size(); ++i) {
      EXPECT_EQ(chain[i].info.version.value, i + 1);
      EXPECT_EQ(chain[i].info.parent.value, i);
    }
    for (std::size_t i = 1; i < chain.size(); ++i) {
      EXPECT_GT(chain[i].built_samples, chain[i - 1].built_samples);
    }
    // The last holds all of the log.
    EXPECT_GE(chain.back().built_samples, kSamples);
  }
}

// A trainer's client follows snapshots and deltas; what it looks up is what the engine says.
void DaemonReplay::expect_clients_agree(const config::Config& config, std::uint64_t& deltas) {
  DaemonRun run(config, 13'000);
  ASSERT_TRUE(run.wait_for_samples(13'000));
  for (std::size_t t = 0; t < kTables.size(); ++t) {
    const auto version = await_answer<Version>(
        [&](auto answer) { run->publish_now(kTables[t], std::move(answer)); }, 20s);
    ASSERT_TRUE(version) << version.error().message;
    const auto heaviest = await_answer<std::vector<pipeline::IdStats>>(
        [&](auto answer) {
          run->heaviest(kTables[t], 1'000'000, pipeline::RowRole::kAny, std::move(answer));
        },
        20s);
    ASSERT_TRUE(heaviest) << heaviest.error().message;
    ASSERT_EQ(heaviest->size(), run->status()->tables[t].stats.tracked_ids);
    auto source = files::DirectoryMappingSource::create(dir_ / "mappings", kTables[t]);
    auto client = client::Client::create(std::move(*source),
                                         {.table = kTables[t], .rows = config.tables[t].rows});
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE((*client)->poll(0ms));
    while (!(*client)->staged().empty()) {
      ASSERT_TRUE((*client)->swap_next(client::Unmigrated::kAllow));
    }
    deltas += (*client)->stats().from_deltas;
    EXPECT_EQ((*client)->stats().last_problem, "");
    EXPECT_EQ((*client)->stats().rejected, 0U);
    EXPECT_EQ((*client)->served(), run->status()->tables[t].stats.version);
    std::vector<Id> ids;
    for (const auto& id : *heaviest) ids.push_back(id.id);
    std::vector<Row> rows(ids.size());
    auto reader = (*client)->reader();
    reader.pin().lookup(ids, rows);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(rows[i], (*heaviest)[i].row) << kTables[t] << " id " << ids[i];
    }
  }
  ASSERT_TRUE(run.stop());
}

TEST_F(DaemonReplay, EveryTrackedIdLooksUpToTheEnginesRow) {
  std::uint64_t deltas = 0;
  expect_clients_agree(config_in(dir_.path()), deltas);
  EXPECT_GT(deltas, 0U);
}

TEST_F(DaemonReplay, EveryTrackedIdLooksUpToTheEnginesRowInCompactVersions) {
  std::uint64_t deltas = 0;
  expect_clients_agree(compact_config_in(dir_.path()), deltas);
  EXPECT_EQ(deltas, 0U);
  for (const std::string& table : kTables) {
    for (const auto& manifest : manifests(dir_ / "mappings", table)) {
      EXPECT_TRUE(manifest.blob(mapping::BlobKind::kSnapshot));
      EXPECT_FALSE(manifest.blob(mapping::BlobKind::kDelta));
    }
  }
}

TEST_F(DaemonReplay, TheNumberOfThreadsChangesNothing) {
  for (const std::uint32_t threads : {1U, 2U}) {
    SCOPED_TRACE(threads);
    const TempDir dir;
    generate_log(dir / "events.tsv", kSamples);
    config::Config config = config_in(dir.path());
    config.threads.compute = threads;
    DaemonRun run(config);
    ASSERT_TRUE(run.run_to_its_end());
    expect_same(published(dir / "mappings"), undisturbed());
  }
}

TEST_F(DaemonReplay, AStopAndAStartChangeNothing) {
  std::uint64_t before = 0;
  for (const std::uint64_t stop_at : {600U, 5'000U, 3'400U}) {  // counted from each start
    DaemonRun run(config_in(dir_.path()), stop_at);
    ASSERT_TRUE(run.wait_for_samples(before + stop_at));
    ASSERT_TRUE(run.stop());
    EXPECT_EQ(run->status()->samples, before + stop_at);
    before += stop_at;
  }
  DaemonRun run(config_in(dir_.path()));
  ASSERT_TRUE(run.run_to_its_end());
  EXPECT_THAT(run.log_text(), HasSubstr("goes on from a checkpoint samples=9000"));
  expect_same(versions(), undisturbed());
}

// The checkpoint is older than what was published: the replay gives the same versions again, which
// are not published twice.
TEST_F(DaemonReplay, AKillChangesNothing) {
  {
    DaemonRun run(config_in(dir_.path()), 2'000);
    ASSERT_TRUE(run.wait_for_samples(2'000));
    ASSERT_TRUE(run.stop());
  }
  keep_checkpoints();
  {
    DaemonRun run(config_in(dir_.path()), 7'000);
    ASSERT_TRUE(run.wait_for_samples(9'000));
    ASSERT_TRUE(run.stop());
  }
  bring_back_checkpoints();
  DaemonRun run(config_in(dir_.path()));
  ASSERT_TRUE(run.run_to_its_end());
  EXPECT_GE(run->status()->tables[0].rebuilt, 2U);
  expect_same(versions(), undisturbed());
}

// Rebuilt after a lost checkpoint, compact versions are the same; without any checkpoint at all the
// newest is adopted.
TEST_F(DaemonReplay, AKillChangesNothingAboutCompactVersions) {
  const config::Config config = compact_config_in(dir_.path());
  {
    DaemonRun run(config, 2'000);
    ASSERT_TRUE(run.wait_for_samples(2'000));
    ASSERT_TRUE(run.stop());
  }
  keep_checkpoints();
  {
    DaemonRun run(config, 7'000);
    ASSERT_TRUE(run.wait_for_samples(9'000));
    ASSERT_TRUE(run.stop());
  }
  bring_back_checkpoints();
  {
    DaemonRun run(config);
    ASSERT_TRUE(run.run_to_its_end());
    EXPECT_GE(run->status()->tables[0].rebuilt, 2U);
  }
  expect_same(versions(), run_undisturbed(compact_config_in));
  const Version newest = manifests(dir_ / "mappings", "item").back().info.version;
  std::filesystem::remove_all(dir_ / "checkpoints");
  DaemonRun run(config);
  ASSERT_TRUE(run.run_to_its_end());
  const auto chain = manifests(dir_ / "mappings", "item");
  ASSERT_GT(chain.size(), newest.value);
  EXPECT_EQ(chain[newest.value].info.parent, newest);
}

// From version to version the kind may change: clients take the whole, and follow.
TEST_F(DaemonReplay, ATableMayBecomeCompactAndFastAgain) {
  {
    DaemonRun run(config_in(dir_.path()), 5'000);
    ASSERT_TRUE(run.wait_for_samples(5'000));
    ASSERT_TRUE(run.stop());
  }
  {
    DaemonRun run(compact_config_in(dir_.path()), 5'000);
    ASSERT_TRUE(run.wait_for_samples(10'000));
    ASSERT_TRUE(run.stop());
  }
  DaemonRun run(config_in(dir_.path()));
  ASSERT_TRUE(run.run_to_its_end());
  for (const std::string& table : kTables) {
    auto source = files::DirectoryMappingSource::create(dir_ / "mappings", table);
    auto client = client::Client::create(
        std::move(*source),
        {.table = table, .rows = manifests(dir_ / "mappings", table).back().info.rows});
    ASSERT_TRUE((*client)->poll(0ms));
    EXPECT_EQ((*client)->stats().last_problem, "");
    EXPECT_EQ((*client)->stats().newest_staged,
              manifests(dir_ / "mappings", table).back().info.version);
  }
}

// Settings have changed since: the newest version, published as a delta, is put together from its
// snapshot and deltas, and the chain of versions and plans goes on from it.
TEST_F(DaemonReplay, WhatAReplayDoesNotReproduceIsFetched) {
  config::Config config = config_in(dir_.path());
  {
    DaemonRun run(config, 2'000);
    ASSERT_TRUE(run.wait_for_samples(2'000));
    ASSERT_TRUE(run.stop());
  }
  keep_checkpoints();
  {
    DaemonRun run(config, 7'000);
    ASSERT_TRUE(run.wait_for_samples(9'000));
    ASSERT_TRUE(run.stop());
  }
  const auto newest = manifests(dir_ / "mappings", "category").back();
  ASSERT_FALSE(newest.blob(mapping::BlobKind::kSnapshot));
  bring_back_checkpoints();
  config.tables[2].dedicated_share = 0.6;
  DaemonRun run(config);
  ASSERT_TRUE(run.run_to_its_end());
  EXPECT_THAT(run.log_text(), HasSubstr("is not what the replay gives table=category version=" +
                                        std::to_string(newest.info.version.value)));
  auto source = files::DirectoryMappingSource::create(dir_ / "mappings", "category");
  auto client = client::Client::create(std::move(*source), {.table = "category", .rows = 8});
  ASSERT_TRUE((*client)->poll(0ms));
  ASSERT_TRUE((*client)->swap_next(client::Unmigrated::kAllow));
  while (!(*client)->staged().empty()) {
    const auto swapped = (*client)->swap_next(client::Unmigrated::kRefuse);
    ASSERT_TRUE(swapped) << swapped.error().message;
  }
  EXPECT_GT((*client)->served(), newest.info.version);
}

// Without any checkpoint the statistics are lost, but the table goes on from its newest version.
TEST_F(DaemonReplay, WithoutACheckpointNumbersGoOn) {
  {
    DaemonRun run(config_in(dir_.path()), 6'000);
    ASSERT_TRUE(run.wait_for_samples(6'000));
    ASSERT_TRUE(run.stop());
  }
  const auto first_life = manifests(dir_ / "mappings", "item");
  std::filesystem::remove_all(dir_ / "checkpoints");
  DaemonRun run(config_in(dir_.path()));
  ASSERT_TRUE(run.run_to_its_end());
  const auto chain = manifests(dir_ / "mappings", "item");
  ASSERT_GT(chain.size(), first_life.size() + 2);
  for (std::size_t i = 0; i < chain.size(); ++i) EXPECT_EQ(chain[i].info.version.value, i + 1);
  const mapping::Manifest& next = chain[first_life.size()];
  EXPECT_EQ(next.built_samples, 1'000U);
  EXPECT_GT(next.info.epoch, first_life.back().info.epoch);
  // The old version was known by its artifact alone, so no delta leads on from it.
  EXPECT_TRUE(next.blob(mapping::BlobKind::kSnapshot));
  EXPECT_FALSE(next.blob(mapping::BlobKind::kDelta));
}

TEST_F(DaemonReplay, ALostNewestVersionIsNotAnError) {
  {
    DaemonRun run(config_in(dir_.path()), 6'000);
    ASSERT_TRUE(run.wait_for_samples(6'000));
    ASSERT_TRUE(run.stop());
  }
  const auto first_life = manifests(dir_ / "mappings", "item");
  std::filesystem::remove_all(dir_ / "checkpoints");
  const auto newest =
      dir_ / "mappings" / "item" / files::version_directory(first_life.back().info.version);
  for (const auto& file : std::filesystem::directory_iterator(newest)) {
    if (file.path().filename() != files::kManifestFile) std::filesystem::remove(file.path());
  }
  DaemonRun run(config_in(dir_.path()));
  ASSERT_TRUE(run.run_to_its_end());
  const auto chain = manifests(dir_ / "mappings", "item");
  EXPECT_GT(chain.size(), first_life.size());
  EXPECT_TRUE(chain[first_life.size()].blob(mapping::BlobKind::kSnapshot));
}

TEST_F(DaemonReplay, AnUnreadableLineBecomesADeadLetter) {
  std::string log = test_support::read_file(dir_ / "events.tsv");
  const std::size_t second_line = log.find('\n', log.find('\n') + 1) + 1;
  log.insert(second_line, "this is\tnot an event\n");
  test_support::write_file(dir_ / "events.tsv", log);
  DaemonRun run(config_in(dir_.path()));
  ASSERT_TRUE(run.run_to_its_end());
  EXPECT_EQ(run->status()->input.dead_letters, 1U);
  const std::string letters = test_support::read_file(dir_ / "dead-letters.ndjson");
  const auto letter = nlohmann::json::parse(letters);  // one line, so one value
  EXPECT_EQ(letter["offset"], 3);
  EXPECT_EQ(letter["payload_bytes"], 20);
  expect_same(versions(), undisturbed());
}

TEST_F(DaemonReplay, ASinkThatRecoversLosesNothing) {
  std::atomic<int> refusals{2};
  std::promise<void> first_refusal;
  DaemonRun run(config_in(dir_.path()), kAll, [&](const mapping::Publication&) -> Result<void> {
    if (refusals == 0) return {};
    if (refusals-- == 2) first_refusal.set_value();
    return fail(ErrorCode::kResource, "no space left for a test", true);
  });
  first_refusal.get_future().wait();
  ASSERT_TRUE(run.wait_for([](const Status& status) {
    return status.tables[0].problem == "no space left for a test" && status.waiting_for_publication;
  }));
  ASSERT_TRUE(run.run_to_its_end());
  EXPECT_EQ(run->status()->tables[0].problem, "");
  EXPECT_THAT(run.log_text(), HasSubstr("version not published yet, trying again"));
  expect_same(versions(), undisturbed());
}

// From the first version on nothing can be written; nothing is lost, only late.
TEST_F(DaemonReplay, AFullDiskIsWaitedOut) {
  undisturbed();  // made without the limit
  std::optional<test_support::FileSizeLimit> full;
  std::atomic<bool> first{true};
  DaemonRun run(config_in(dir_.path()), kAll, [&](const mapping::Publication&) -> Result<void> {
    if (first.exchange(false)) full.emplace(1'000);
    return {};
  });
  const bool told =
      run.wait_for([](const Status& status) { return !status.tables[0].problem.empty(); });
  const auto meanwhile = run->status();
  full.reset();
  ASSERT_TRUE(told);
  EXPECT_THAT(meanwhile->tables[0].problem, HasSubstr("File too large"));
  ASSERT_TRUE(run.run_to_its_end());
  EXPECT_EQ(run->status()->tables[0].problem, "");
  EXPECT_EQ(run->status()->checkpoint.problem, "");
  expect_same(versions(), undisturbed());
}

// Nothing is read while not even the first checkpoint can be kept.
TEST_F(DaemonReplay, ADiskThatIsFullAtTheStartIsWaitedOut) {
  undisturbed();
  std::optional<test_support::FileSizeLimit> full(1'000);
  DaemonRun run(config_in(dir_.path()));
  const bool told = run.wait_for([](const Status& status) { return !status.problem.empty(); });
  const auto meanwhile = run->status();
  full.reset();
  ASSERT_TRUE(told);
  EXPECT_THAT(meanwhile->problem, HasSubstr("File too large"));
  EXPECT_THAT(meanwhile->checkpoint.problem, HasSubstr("File too large"));
  EXPECT_FALSE(meanwhile->ready());
  EXPECT_EQ(meanwhile->samples, 0U);
  ASSERT_TRUE(run.run_to_its_end());
  EXPECT_EQ(run->status()->problem, "");
  EXPECT_EQ(run->status()->checkpoint.problem, "");
  expect_same(versions(), undisturbed());
}

TEST_F(DaemonReplay, AStopDuringAPublicationFinishesIt) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<bool> first{true};
  const auto may_go_on = go_on.get_future().share();
  {
    DaemonRun run(config_in(dir_.path()), kAll, [&](const mapping::Publication&) -> Result<void> {
      if (first.exchange(false)) begun.set_value();
      may_go_on.wait();
      return {};
    });
    begun.get_future().wait();
    run->request_stop();
    ASSERT_TRUE(run.wait_for_phase(Phase::kStopping));
    EXPECT_FALSE(run->finished());
    go_on.set_value();
    ASSERT_TRUE(run->join());
    EXPECT_EQ(run->status()->tables[0].published, 1U);
  }
  DaemonRun run(config_in(dir_.path()));
  ASSERT_TRUE(run.run_to_its_end());
  expect_same(versions(), undisturbed());
}

// The sink does not come back before the stop timeout: the version is given up, and is the first
// thing that is made after the next start.
TEST_F(DaemonReplay, AStopTimeoutGivesAPublicationUp) {
  config::Config config = config_in(dir_.path());
  config.instance.stop_timeout = 100ms;
  std::promise<void> begun;
  std::atomic<bool> first{true};
  {
    DaemonRun run(config, kAll, [&](const mapping::Publication&) -> Result<void> {
      if (first.exchange(false)) begun.set_value();
      return fail(ErrorCode::kUnavailable, "gone", true);
    });
    begun.get_future().wait();
    ASSERT_TRUE(run.stop());
    EXPECT_THAT(run.log_text(), HasSubstr("version given up"));
  }
  EXPECT_TRUE(manifests(dir_ / "mappings", "user").empty());
  DaemonRun run(config_in(dir_.path()));
  ASSERT_TRUE(run.run_to_its_end());
  const auto chain = manifests(dir_ / "mappings", "user");
  ASSERT_GE(chain.size(), 4U);
  EXPECT_EQ(chain.front().info.version, Version{1});
  // Due at 1,000; the batch that had been read when it was given up has been taken in.
  EXPECT_EQ(chain.front().built_samples, 1'200U);
}

TEST_F(DaemonReplay, ASupersededInstanceStopsWithAnError) {
  DaemonRun stale(config_in(dir_.path()), 2'000);
  ASSERT_TRUE(stale.wait_for_samples(2'000));
  config::Config config = config_in(dir_.path());
  config.checkpoint.dir = dir_ / "other";
  DaemonRun fresh(config, 0);
  ASSERT_TRUE(fresh.wait_for_phase(Phase::kRunning));
  const auto newest = manifests(dir_ / "mappings", "user").back().info.version;
  stale.let_through(kAll);
  const auto end = stale->join();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::kConflict);
  EXPECT_THAT(end.error().message, HasSubstr("table "));
  EXPECT_EQ(stale->status()->phase, Phase::kFailed);
  EXPECT_EQ(stale->status()->problem, end.error().message);
  EXPECT_EQ(manifests(dir_ / "mappings", "user").back().info.version, newest);
  ASSERT_TRUE(fresh.stop());
}

TEST_F(DaemonReplay, ACheckpointOfAnotherConfigurationIsRefused) {
  {
    DaemonRun run(config_in(dir_.path()), 2'000);
    ASSERT_TRUE(run.wait_for_samples(2'000));
    ASSERT_TRUE(run.stop());
  }
  config::Config config = config_in(dir_.path());
  config.learning.factors = 4;
  DaemonRun run(config);
  const auto end = run.run_to_its_end();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::kConflict);
  EXPECT_THAT(end.error().message, HasSubstr("checkpoint.dir"));
}

// Reading does not wait: whatever the sink does, events are taken in, and all is there at the end.
TEST_F(DaemonReplay, WithoutWaitingReadingGoesOn) {
  config::Config config = config_in(dir_.path());
  config.publish.wait_for_publish = false;
  config.publish.min_interval = 0ms;
  std::promise<void> go_on;
  const auto may_go_on = go_on.get_future().share();
  DaemonRun run(config, 10'000, [&](const mapping::Publication&) -> Result<void> {
    may_go_on.wait();
    return {};
  });
  ASSERT_TRUE(run.wait_for_samples(10'000));
  EXPECT_EQ(run->status()->tables[0].published, 0U);
  go_on.set_value();
  run.let_through(kAll);
  const auto end = run.run_to_its_end();
  ASSERT_TRUE(end) << end.error().message;
  const auto chain = manifests(dir_ / "mappings", "user");
  ASSERT_GE(chain.size(), 2U);
  for (std::size_t i = 0; i < chain.size(); ++i) EXPECT_EQ(chain[i].info.version.value, i + 1);
  EXPECT_GE(chain.back().built_samples, kSamples);
}

TEST_F(DaemonReplay, MinIntervalHoldsVersionsBack) {
  config::Config config = config_in(dir_.path());
  config.publish.wait_for_publish = false;
  config.publish.min_interval = 1h;
  DaemonRun run(config);
  ASSERT_TRUE(run.run_to_its_end());
  // The one at the end of the log.
  EXPECT_EQ(manifests(dir_ / "mappings", "user").size(), 1U);
}

}  // namespace
}  // namespace remapd::application
