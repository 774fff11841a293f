// "remapd build", in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "connectors/files/directory_source.h"
#include "daemon/cli/mapping_files.h"
#include "tests/unit/daemon/cli/invoke.h"
#include "tests/unit/daemon/cli/small_log.h"

namespace remapd::cli {
namespace {

using test_support::TempDir;
using testing::HasSubstr;

TEST(Build, WritesAMappingDirectoryThatTrainersCanFollow) {
  const TempDir dir;
  const std::string log = write_small_log(dir);
  const std::string out = (dir / "mappings").string();
  const auto done =
      invoke({"build", "--events", log, "--features", "user,item", "--rows", "16", "--out", out});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("read 480 samples, 480 labelled, with 960 ids"));
  EXPECT_THAT(done.out, HasSubstr("written to " + out));
  EXPECT_EQ(done.err, "");
  auto source = files::DirectoryMappingSource::create(out, "user");
  ASSERT_TRUE(source);
  const auto manifests = (*source)->poll(std::chrono::milliseconds(0));
  ASSERT_TRUE(manifests);
  ASSERT_EQ(manifests->size(), 1U);
  EXPECT_EQ(manifests->front().info.version, Version{1});
  EXPECT_EQ(manifests->front().ids, 40U);
  EXPECT_EQ(manifests->front().built_samples, 480U);
  EXPECT_EQ(manifests->front().instance, "remapd-build");
}

TEST(Build, SharesOfFewIdsAreARowForEach) {
  const TempDir dir;
  const auto done = invoke({"build", "--events", write_small_log(dir), "--features", "user",
                            "--rows", "10%", "--artifact", (dir / "a.remap").string(), "--json"});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  const auto json = nlohmann::json::parse(done.out);
  EXPECT_EQ(json["tables"][0]["rows"], 40);
  EXPECT_EQ(json["tables"][0]["stats"]["ids"], 40);
  EXPECT_EQ(json["samples"], 480);
  EXPECT_EQ(json["rejected_records"], 0);
}

TEST(Build, ContinuesADirectoryOnlyWhenTold) {
  const TempDir dir;
  const std::string log = write_small_log(dir);
  const std::string out = (dir / "m").string();
  const std::vector<std::string> once{"build",  "--events", log,     "--features", "user",
                                      "--rows", "16",       "--out", out};
  ASSERT_EQ(invoke(once).code, ExitCode::kOk);
  const auto refused = invoke(once);
  EXPECT_EQ(refused.code, ExitCode::kUsage);
  EXPECT_THAT(refused.err, HasSubstr("--continue"));
  auto again = once;
  again.emplace_back("--continue");
  const auto done = invoke(again);
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  const auto first = open_mapping({out, "user", Version{1}});
  const auto second = open_mapping({out, "user", Version{2}});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->manifest->info.parent, Version{1});
  EXPECT_GT(second->manifest->info.epoch, first->manifest->info.epoch);
  EXPECT_TRUE(second->manifest->blob(mapping::BlobKind::kSnapshot));
  EXPECT_TRUE(second->manifest->blob(mapping::BlobKind::kPlan));
  EXPECT_FALSE(second->manifest->blob(mapping::BlobKind::kDelta));
  // The same events again: hardly anything has reason to move.
  int kept = 0;
  for (Id id = 1; id <= 40; ++id) kept += first->view.lookup(id) == second->view.lookup(id) ? 1 : 0;
  EXPECT_GE(kept, 30);
}

TEST(Build, EveryStrategyBuilds) {
  const TempDir dir;
  const std::string log = write_small_log(dir);
  for (const char* strategy : {"combined", "embedding", "frequency", "double_hash", "hash"}) {
    const std::string out = (dir / strategy).string();
    const auto done = invoke({"build", "--events", log, "--table", "item=16", "--strategy",
                              strategy, "--artifact", out});
    ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
    const auto mapping = open_mapping({out, "", kNoVersion});
    ASSERT_TRUE(mapping);
    EXPECT_EQ(to_string(mapping->view.info().strategy), strategy);
  }
}

TEST(Build, TheSameLogGivesTheSameMappingForAnyNumberOfThreads) {
  const TempDir dir;
  const std::string log = write_small_log(dir);
  std::vector<std::uint64_t> hashes;
  for (const char* threads : {"1", "3"}) {
    const std::string out = (dir / threads).string();
    ASSERT_EQ(invoke({"build", "--events", log, "--table", "item=16", "--threads", threads,
                      "--artifact", out})
                  .code,
              ExitCode::kOk);
    hashes.push_back(open_mapping({out, "", kNoVersion})->view.content_hash());
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

TEST(Build, TellsOfRecordsItCouldNotRead) {
  const TempDir dir;
  test_support::write_file(dir / "e.tsv", small_log_text() + "only one field\n");
  const auto done = invoke({"build", "--events", (dir / "e.tsv").string(), "--table", "item=16",
                            "--artifact", (dir / "a").string()});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("1 record could not be read:\n"));
  EXPECT_THAT(done.out, HasSubstr("e.tsv:482: "));
}

TEST(Build, RefusesWhatCannotWork) {
  const TempDir dir;
  const std::string log = write_small_log(dir);
  const std::string out = (dir / "out").string();
  struct Case {
    std::vector<std::string> arguments;
    ExitCode code;
    const char* message;
  };
  const Case cases[] = {
      {{"--events", log, "--table", "item=16"}, ExitCode::kUsage, "--out DIRECTORY"},
      {{"--events", log, "--table", "item=16", "--out", out, "--artifact", out},
       ExitCode::kUsage,
       "one of them"},
      {{"--table", "item=16", "--out", out}, ExitCode::kUsage, "--events"},
      {{"--events", log, "--features", "user,item", "--rows", "9", "--artifact", out},
       ExitCode::kUsage,
       "a file holds one table"},
      {{"--events", log, "--table", "nobody=16", "--out", out},
       ExitCode::kConfig,
       "no column nobody"},
      {{"--events", out, "--table", "item=16", "--artifact", out}, ExitCode::kIo, "No such file"},
      {{"--events", log, "--table", "item=16", "--artifact", "/nonexistent/a"},
       ExitCode::kIo,
       "/nonexistent"},
      {{"--events", log, "--rows", "3", "--config", "a.toml", "--out", out},
       ExitCode::kUsage,
       "excludes"},
      {{"--events", log, "--table", "item=16", "--out", out, "--set", "learning.factors=5"},
       ExitCode::kConfig,
       "multiple of 4"},
      {{"--events", log, "--table", "item=16", "--out", out, "--passes", "0"},
       ExitCode::kUsage,
       "passes"},
  };
  for (const Case& c : cases) {
    std::vector<std::string> arguments = c.arguments;
    arguments.insert(arguments.begin(), "build");
    const auto refused = invoke(arguments);
    EXPECT_EQ(refused.code, c.code) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(c.message));
    EXPECT_EQ(refused.out, "");
    EXPECT_FALSE(std::filesystem::exists(out)) << "nothing is left of what could not work";
  }
  test_support::write_file(dir / "empty.tsv", "timestamp\tlabel\tuser\titem\n");
  const auto empty = invoke(
      {"build", "--events", (dir / "empty.tsv").string(), "--table", "item=16", "--out", out});
  EXPECT_EQ(empty.code, ExitCode::kFailure);
  EXPECT_THAT(empty.err, HasSubstr("no sample"));
}

TEST(Build, ReadsTheLogOfAConfiguration) {
  const TempDir dir;
  const std::string log = write_small_log(dir);
  test_support::write_file(dir / "c.toml", "[source.file]\npath = \"" + log +
                                               "\"\n[[table]]\nname = \"t\"\nrows = 9\n[[feature]]"
                                               "\nname = \"item\"\ntable = \"t\"\n");
  const auto done = invoke({"build", "--config", (dir / "c.toml").string(), "--artifact",
                            (dir / "a").string(), "--passes", "2"});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("2 times over"));
  EXPECT_EQ(open_mapping({dir / "a", "t", kNoVersion})->view.info().rows, 9U);
  // Or what its topics hold.
  const auto no_broker =
      invoke({"build", "--config", (dir / "c.toml").string(), "--out", (dir / "o").string(),
              "--set", "source.kind=kafka", "--set", "kafka.brokers=127.0.0.1:1"});
  EXPECT_EQ(no_broker.code, ExitCode::kTemporary);
  EXPECT_THAT(no_broker.err, HasSubstr("Kafka at 127.0.0.1:1 (kafka.brokers)"));
}

}  // namespace
}  // namespace remapd::cli
