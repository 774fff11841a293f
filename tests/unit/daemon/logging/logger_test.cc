#include "daemon/logging/logger.h"

#include <cmath>
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/log_lines.h"

namespace remapd::logging {
namespace {

using config::LogFormat;
using config::LogLevel;
using test_support::LogLines;
using testing::HasSubstr;
using testing::MatchesRegex;

TEST(TextLog, HasTimeLevelMessageAndFields) {
  LogLines lines;
  lines.log().info("published",
                   {{"table", "item"}, {"version", 12U}, {"share", 0.25}, {"snapshot", true}});
  EXPECT_THAT(lines.text(),
              MatchesRegex("....-..-..T..:..:..\\....Z info published table=item version=12 "
                           "share=0.25 snapshot=true\n"));
}

TEST(TextLog, IsOneLineWhateverTheValues) {
  LogLines lines;
  lines.log().warning("bad\nmessage", {{"reason", "two words"},
                                       {"quote", "a\"b"},
                                       {"newline", "a\nfake line"},
                                       {"empty", ""},
                                       {"equals", "a=b"}});
  ASSERT_EQ(lines.lines().size(), 1U);
  EXPECT_THAT(lines.text(),
              HasSubstr(R"(bad\nmessage reason="two words" quote="a\"b" newline="a\nfake line" )"
                        R"(empty="" equals="a=b")"));
}

TEST(JsonLog, IsJsonWithTypes) {
  LogLines lines({.level = LogLevel::kDebug, .format = LogFormat::kJson});
  lines.log().error("it \"broke\"\n", {{"table", "item"},
                                       {"version", -12},
                                       {"share", 1e-9},
                                       {"nothing", std::nan("")},
                                       {"snapshot", false}});
  ASSERT_EQ(lines.lines().size(), 1U);
  const auto json = nlohmann::json::parse(lines.text());
  EXPECT_EQ(json["level"], "error");
  EXPECT_EQ(json["message"], "it \"broke\"\n");
  EXPECT_EQ(json["table"], "item");
  EXPECT_EQ(json["version"], -12);
  EXPECT_EQ(json["share"], 1e-9);
  EXPECT_EQ(json["nothing"], "nan");
  EXPECT_EQ(json["snapshot"], false);
  EXPECT_THAT(json["time"].get<std::string>(), MatchesRegex("....-..-..T..:..:..\\....Z"));
}

TEST(JsonLog, SurvivesInvalidUtf8) {
  LogLines lines({.format = LogFormat::kJson});
  lines.log().info("x", {{"value", "a\xff"}});
  EXPECT_EQ(nlohmann::json::parse(lines.text())["value"], "a\xef\xbf\xbd");
}

TEST(JournalLog, BeginsWithThePriority) {
  LogLines lines({.level = LogLevel::kDebug, .journal_prefix = true});
  lines.log().debug("d");
  lines.log().info("i");
  lines.log().warning("w");
  lines.log().error("e");
  EXPECT_EQ(lines.text(), "<7>d\n<6>i\n<4>w\n<3>e\n");
}

TEST(JournalLog, KeepsJsonAfterThePriority) {
  LogLines lines({.format = LogFormat::kJson, .journal_prefix = true});
  lines.log().warning("w");
  ASSERT_TRUE(lines.text().starts_with("<4>{"));
  EXPECT_EQ(nlohmann::json::parse(lines.text().substr(3))["message"], "w");
}

TEST(Logger, LeavesOutWhatIsBelowItsLevelWhichMayChange) {
  LogLines lines({.level = LogLevel::kWarning});
  EXPECT_EQ(lines.log().level(), LogLevel::kWarning);
  lines.log().info("hidden");
  lines.log().warning("shown");
  lines.log().set_level(LogLevel::kDebug);
  EXPECT_EQ(lines.log().level(), LogLevel::kDebug);
  lines.log().debug("now shown");
  EXPECT_THAT(lines.text(), testing::Not(HasSubstr("hidden")));
  EXPECT_EQ(lines.lines().size(), 2U);
}

TEST(Logger, MayBeUsedFromSeveralThreads) {
  LogLines lines;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) lines.log().info("line", {{"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines.lines().size(), 400U);
  for (const std::string& line : lines.lines()) EXPECT_THAT(line, HasSubstr("Z info line i="));
}

TEST(StderrIsJournal, ComparesTheStreamWithTheEnvironment) {
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(stderr_is_journal());
  ::setenv("JOURNAL_STREAM", "0:0", 1);
  EXPECT_FALSE(stderr_is_journal());
  struct stat status {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
  const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
  EXPECT_TRUE(stderr_is_journal());
  ::unsetenv("JOURNAL_STREAM");
}

}  // namespace
}  // namespace remapd::logging
