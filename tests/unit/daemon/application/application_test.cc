#include "daemon/application/application.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_lines.h"
#include "tests/support/memory_sink.h"

namespace remapd::application {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class EmptySource final : public pipeline::EventSource {
 public:
  Result<void> start(const pipeline::StreamOffsets&) override { return {}; }
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch&, std::chrono::milliseconds) override {
    return pipeline::PollOutcome::kEnd;
  }
  pipeline::StreamOffsets offsets() const override { return {}; }
  Result<void> commit(const pipeline::StreamOffsets&) override { return {}; }
  pipeline::SourceCounters counters() const override { return {}; }
};

config::Config small_config() {
  config::Config config;
  pipeline::TableConfig table;
  table.name = "item";
  table.rows = 16;
  table.max_tracked_ids = 64;
  config.tables = {table};
  config.features = {{.name = "item", .table = "item"}};
  return config;
}

Ports empty_ports() {
  Ports ports;
  ports.sink = std::make_unique<test_support::MemorySink>();
  ports.source = std::make_unique<EmptySource>();
  ports.stream = "nothing";
  return ports;
}

class ApplicationTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Application>> create(const config::Config& config) {
    return Application::create(config, empty_ports(), log_.log(), clock_);
  }

  test_support::LogLines log_;
  SystemClock clock_;
};

TEST_F(ApplicationTest, RunsToItsEnd) {
  const auto application = create(small_config());
  ASSERT_TRUE(application) << application.error().message;
  EXPECT_EQ((*application)->status()->phase, Phase::kStarting);
  ASSERT_EQ((*application)->status()->tables.size(), 1U);
  EXPECT_EQ((*application)->status()->tables[0].stats.name, "item");
  EXPECT_FALSE((*application)->finished());
  (*application)->start();
  EXPECT_TRUE((*application)->join());
  EXPECT_TRUE((*application)->finished());
  EXPECT_GT((*application)->beats(), 0U);
}

TEST_F(ApplicationTest, NeedNotBeStarted) {
  const auto application = create(small_config());
  ASSERT_TRUE(application);
  (*application)->request_stop();
  EXPECT_TRUE((*application)->join());
}

TEST_F(ApplicationTest, RefusesAConfigurationThatDoesNotFit) {
  config::Config config = small_config();
  config.learning.mini_batch = 0;
  const auto application = create(config);
  ASSERT_FALSE(application);
  EXPECT_EQ(application.error().code, ErrorCode::kConfig);
}

// Writes beyond a file size limit must be errors, not the end of the process.
TEST_F(ApplicationTest, IgnoresTheSignalOfFileSizeLimits) {
  const auto before = std::signal(SIGXFSZ, SIG_DFL);
  ASSERT_TRUE(create(small_config()));
  EXPECT_EQ(std::signal(SIGXFSZ, before), SIG_IGN);
}

TEST_F(ApplicationTest, AppliesWhatMayChange) {
  const auto application = create(small_config());
  ASSERT_TRUE(application);
  config::Config config = small_config();
  config.log.level = config::LogLevel::kWarning;
  (*application)->apply(config);
  EXPECT_EQ(log_.log().level(), config::LogLevel::kWarning);
  (*application)->set_log_level(config::LogLevel::kDebug);
  EXPECT_EQ(log_.log().level(), config::LogLevel::kDebug);
}

TEST_F(ApplicationTest, UnknownTablesAreAnsweredAtOnce) {
  const auto application = create(small_config());
  ASSERT_TRUE(application);
  const auto answer = await_answer<IdReport>(
      [&](auto to) { (*application)->lookup("itme", 1, 5, std::move(to)); }, 0ms);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(answer.error().message, "there is no table \"itme\"; there are: item");
}

}  // namespace
}  // namespace remapd::application
