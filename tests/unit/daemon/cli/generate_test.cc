// "remapd generate" into files, in this process; into Kafka: tests/integration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/cli/invoke.h"
#include "tests/unit/daemon/cli/small_log.h"

namespace remapd::cli {
namespace {

using test_support::TempDir;
using testing::HasSubstr;

TEST(Generate, WritesALogThatBuildReads) {
  const TempDir dir;
  for (const char* name : {"a.tsv.gz", "a.ndjson", "a.binpb"}) {
    const std::string log = (dir / name).string();
    const auto made =
        invoke({"generate", "--out", log, "--samples", "1000", "--users", "300", "--items", "300"});
    ASSERT_EQ(made.code, ExitCode::kOk) << made.err;
    EXPECT_THAT(made.out, HasSubstr("1,024 samples of user, item, category written to " + log));
    const auto built = invoke({"build", "--events", log, "--features", "user,item,category",
                               "--rows", "64", "--out", log + ".mappings"});
    ASSERT_EQ(built.code, ExitCode::kOk) << built.err;
    EXPECT_THAT(built.out, HasSubstr("read 1,024 samples, 1,024 labelled"));
  }
}

TEST(Generate, TheSameSeedGivesTheSameLog) {
  const TempDir dir;
  const auto make = [&](const char* name, const char* seed) {
    const auto path = dir / name;
    EXPECT_EQ(invoke({"generate", "--out", path.string(), "-n", "500", "--seed", seed}).code,
              ExitCode::kOk);
    return test_support::read_file(path);
  };
  const std::string first = make("a.tsv", "5");
  EXPECT_EQ(first, make("b.tsv", "5"));
  EXPECT_NE(first, make("c.tsv", "6"));
}

TEST(Generate, ConvertsARecordedLog) {
  const TempDir dir;
  const std::string out = (dir / "out.ndjson").string();
  const auto done =
      invoke({"generate", "--events", write_small_log(dir), "--features", "item", "--out", out});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("480 samples of item written"));
  EXPECT_THAT(test_support::read_file(out), HasSubstr("\"item\":"));
}

TEST(Generate, RefusesWhatCannotWork) {
  const TempDir dir;
  const std::string out = (dir / "a.tsv").string();
  struct Case {
    std::vector<std::string> arguments;
    ExitCode code;
    const char* message;
  };
  const Case cases[] = {
      {{"generate"}, ExitCode::kUsage, "--out FILE or --topic TOPIC"},
      {{"generate", "--out", out, "--topic", "t"}, ExitCode::kUsage, "one of them"},
      {{"generate", "--out", (dir / "a.xyz").string()}, ExitCode::kUsage, "--out"},
      {{"generate", "--out", out, "--users", "10"}, ExitCode::kUsage, "users"},
      {{"generate", "--out", out, "--samples", "0"}, ExitCode::kUsage, "samples"},
      {{"generate", "--out", out, "--events", out}, ExitCode::kUsage, "go together"},
      {{"generate", "--out", "/nonexistent/a.tsv"}, ExitCode::kIo, "/nonexistent"},
      {{"generate", "--topic", "t", "--property", "nonsense"}, ExitCode::kUsage, "NAME=VALUE"},
      {{"generate", "--topic", "t", "--property", "no.such=1"}, ExitCode::kConfig, "no.such"},
  };
  for (const Case& c : cases) {
    const auto refused = invoke(c.arguments);
    EXPECT_EQ(refused.code, c.code) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(c.message));
    EXPECT_FALSE(std::filesystem::exists(out));
  }
}

}  // namespace
}  // namespace remapd::cli
