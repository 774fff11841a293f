// A second daemon beside one that publishes: it takes over when it can serve, and harms nobody when
// it cannot.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/daemon_run.h"

namespace remapd::application {
namespace {

using test_support::TempDir;
using testing::HasSubstr;

constexpr std::uint64_t kSamples = 14'080;
constexpr std::uint64_t kSeen = 6'000;  // by the healthy one when the second comes up

class DaemonTakeOver : public testing::Test {
 protected:
  DaemonTakeOver() { generate_log(dir_ / "events.tsv", kSamples); }

  // One that has published and saved.
  std::unique_ptr<DaemonRun> healthy() {
    config::Config config = config_in(dir_.path());
    config.instance.name = "healthy";
    config.checkpoint.interval = 200ms;
    auto run = std::make_unique<DaemonRun>(config, kSeen);
    EXPECT_TRUE(run->wait_for([](const Status& s) {
      return s.samples >= kSeen && s.tables[0].published > 1 && s.checkpoint.last_samples >= kSeen;
    }));
    return run;
  }
  config::Config second_config() {
    config::Config config = config_in(dir_.path());
    config.instance.name = "second";
    return config;
  }
  // Goes on to the end, publishes, saves, and is told nothing of anybody.
  static void expect_unharmed(DaemonRun& run) {
    const std::uint64_t published = run->status()->tables[0].published;
    run.let_through(kAll);
    const auto end = run.run_to_its_end();
    EXPECT_TRUE(end) << end.error().message;
    EXPECT_EQ(run->status()->samples, kSamples);
    EXPECT_GT(run->status()->tables[0].published, published);
    EXPECT_EQ(run->status()->checkpoint.last_samples, kSamples);
    EXPECT_EQ(run->status()->checkpoint.failed, 0U);
    EXPECT_EQ(run->status()->tables[0].epoch, Epoch{1});
  }
  void expect_refused(const config::Config& config, ErrorCode code, const std::string& why) {
    const auto run = healthy();
    DaemonRun second(config);
    const auto end = second.run_to_its_end();
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, code);
    EXPECT_THAT(end.error().message, HasSubstr(why));
    expect_unharmed(*run);
  }

  TempDir dir_;
};

TEST_F(DaemonTakeOver, OneWhoseCheckpointIsOfAnotherConfigurationClaimsNothing) {
  config::Config config = second_config();
  config.tables[1].max_tracked_ids = 4'000;
  expect_refused(config, ErrorCode::kConflict, "max_tracked_ids");
}

TEST_F(DaemonTakeOver, OneWhoseCheckpointIsDamagedClaimsNothing) {
  config::Config config = second_config();
  config.checkpoint.dir = dir_ / "damaged";
  std::filesystem::create_directory(config.checkpoint.dir);
  std::ofstream(dir_ / "damaged" / "checkpoint-00000000000000000007.remapd") << "damaged";
  expect_refused(config, ErrorCode::kCorrupt, "checkpoint.dir");
}

TEST_F(DaemonTakeOver, OneWhoseLogIsNotTheOneOfItsCheckpointClaimsNothing) {
  config::Config config = second_config();
  const auto run = healthy();
  {  // of the same name, but shorter
    const auto name = dir_ / "events.tsv";
    const auto aside = dir_ / "aside.tsv";
    std::filesystem::rename(name, aside);
    generate_log(name, 1'000);
    DaemonRun second(config);
    const auto end = second.run_to_its_end();
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, ErrorCode::kConflict);
    EXPECT_THAT(end.error().message, HasSubstr("it is not the log the checkpoint was made from"));
    std::filesystem::rename(aside, name);
  }
  expect_unharmed(*run);
}

// All tables are looked at before the first is claimed.
TEST_F(DaemonTakeOver, OneThatCannotWriteItsLastTableClaimsNone) {
  ASSERT_TRUE(DaemonRun(config_in(dir_.path())).run_to_its_end());
  const auto claim = dir_ / "mappings" / "user" / "epoch.json";
  const std::string before = test_support::read_file(claim);
  std::filesystem::remove_all(dir_ / "mappings" / "category");
  test_support::write_file(dir_ / "mappings" / "category", "a file where a directory should be");
  const auto end = DaemonRun(second_config()).run_to_its_end();
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message, HasSubstr("table category"));
  EXPECT_EQ(test_support::read_file(claim), before);
}

// What the one before saved and published last is what the one after goes on from.
TEST_F(DaemonTakeOver, OneThatCanServeGoesOnWhereTheOtherWas) {
  const auto run = healthy();
  DaemonRun second(second_config(), 0);
  ASSERT_TRUE(second.wait_for_phase(Phase::kRunning));
  EXPECT_EQ(second->status()->tables[0].epoch, Epoch{2});
  EXPECT_GE(second->status()->samples, kSeen);
  run->let_through(kAll);  // its next version, or checkpoint, comes too late
  const auto first_end = run->run_to_its_end();
  ASSERT_FALSE(first_end);
  EXPECT_EQ(first_end.error().code, ErrorCode::kConflict);
  EXPECT_THAT(first_end.error().message, HasSubstr("second has taken"));
  second.let_through(kAll);
  const auto end = second.run_to_its_end();
  EXPECT_TRUE(end) << end.error().message;
  EXPECT_EQ(second->status()->samples, kSamples);
  EXPECT_EQ(second->status()->checkpoint.last_samples, kSamples);
}

}  // namespace
}  // namespace remapd::application
