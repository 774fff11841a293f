// "remapd check-config", in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config_text.h"
#include "tests/unit/daemon/cli/invoke.h"
#include "tests/unit/daemon/cli/small_log.h"

namespace remapd::cli {
namespace {

using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

constexpr const char* kTables =
    "[[table]]\nname = \"item\"\nrows = 10\n[[feature]]\nname = \"item\"\n";

class CheckConfig : public testing::Test {
 protected:
  Invocation check(const std::string& text, std::vector<std::string> more = {}) {
    write_file(dir_ / "c.toml", text);
    more.insert(more.begin(), {"check-config", "--config", (dir_ / "c.toml").string()});
    return invoke(more);
  }
  // Everything it names is in the test's directory.
  std::string reachable() {
    const std::string at = dir_.path().string();
    return "[source.file]\npath = \"" + write_small_log(dir_) + "\"\n[sink.directory]\npath = \"" +
           at + "/m/n\"\n[checkpoint]\ndir = \"" + at + "/c\"\n[dead_letter.file]\npath = \"" + at +
           "/d\"\n" + kTables;
  }
  TempDir dir_;
};

TEST_F(CheckConfig, FindsNoProblemWhereThereIsNone) {
  const auto done = check(reachable());
  EXPECT_EQ(done.code, ExitCode::kOk) << done.out << done.err;
  EXPECT_THAT(done.out, HasSubstr("1 table, 1 feature: no problem found"));
  EXPECT_THAT(done.out, HasSubstr("memory: statistics take "));
  EXPECT_THAT(done.out, HasSubstr("ok       source.file.path"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "m"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "c"));
}

TEST_F(CheckConfig, NamesPlaceAndSuggestion) {
  const auto typo = check(std::string("[publish]\nfirst_sample = 3\n") + kTables, {"--offline"});
  EXPECT_EQ(typo.code, ExitCode::kConfig);
  EXPECT_THAT(typo.err, HasSubstr("c.toml:2:1: publish.first_sample: unknown key; did you mean "
                                  "first_samples?"));
  const auto missing = invoke({"check-config", "--config", (dir_ / "void.toml").string()});
  EXPECT_EQ(missing.code, ExitCode::kConfig);
  EXPECT_THAT(missing.err, HasSubstr("void.toml"));
  EXPECT_EQ(invoke({"check-config"}).code, ExitCode::kUsage);
}

TEST_F(CheckConfig, OfflineLooksAtTheFileAlone) {
  const std::string text = std::string("[source.file]\npath = \"/nonexistent/e.tsv\"\n") + kTables;
  EXPECT_EQ(check(text, {"--offline"}).code, ExitCode::kOk);
  const auto online = check(text);
  EXPECT_EQ(online.code, ExitCode::kConfig);
  EXPECT_THAT(online.out, HasSubstr("problem  source.file.path /nonexistent/e.tsv"));
}

TEST_F(CheckConfig, WarnsOfRisks) {
  const auto done = check(reachable(), {"--offline", "--set", "checkpoint.dir="});
  EXPECT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("warning: checkpoint.dir is empty"));
}

TEST_F(CheckConfig, ABrokerThatDoesNotAnswerIsTemporary) {
  const auto done =
      check(reachable(), {"--set", "sink.kind=kafka", "--set", "kafka.brokers=127.0.0.1:1"});
  EXPECT_EQ(done.code, ExitCode::kTemporary) << done.out << done.err;
  EXPECT_THAT(done.out, HasSubstr("problem  sink.kafka.topic remap.mappings"));
}

// Before a daemon with it is started beside, or after, one with another.
TEST_F(CheckConfig, ComparesWithTheCheckpointThatIsThere) {
  const std::string text = reachable();
  write_file(dir_ / "c.toml", text);
  ASSERT_EQ(invoke({"run", "--config", (dir_ / "c.toml").string(), "--set",
                    "admin.listen=", "--set", "publish.gates.min_samples=100"})
                .code,
            ExitCode::kOk);
  const auto same = check(text);
  EXPECT_EQ(same.code, ExitCode::kOk) << same.out;
  EXPECT_THAT(same.out, HasSubstr("ok       checkpoint in "));
  EXPECT_THAT(same.out, HasSubstr("ok       version 1 of table item"));

  const auto other = check(text, {"--set", "learning.factors=4"});
  EXPECT_EQ(other.code, ExitCode::kConfig);
  EXPECT_THAT(other.out, HasSubstr("problem  checkpoint in "));
  EXPECT_THAT(other.out, HasSubstr("it was saved under other features, max_tracked_ids"));

  std::filesystem::copy(dir_ / "events.tsv", dir_ / "copy.tsv");
  const auto stream = check(text, {"--set", "source.file.path=" + (dir_ / "copy.tsv").string()});
  EXPECT_EQ(stream.code, ExitCode::kOk) << stream.out;
  EXPECT_THAT(stream.out, HasSubstr("its statistics are kept, its offsets are not"));

  std::string rows = text;
  rows.replace(rows.find("rows = 10"), 9, "rows = 20");
  const auto budget = check(rows);
  EXPECT_EQ(budget.code, ExitCode::kOk) << budget.out;
  EXPECT_THAT(budget.out, HasSubstr("it has 10 rows, the configuration 20"));
}

TEST_F(CheckConfig, PrintsConfigurations) {
  EXPECT_EQ(invoke({"check-config", "--print-default"}).out, config::reference_text());
  const auto printed = check(kTables, {"--print", "--set", "log.level=debug"});
  EXPECT_THAT(printed.out, HasSubstr("level = \"debug\""));
}

}  // namespace
}  // namespace remapd::cli
