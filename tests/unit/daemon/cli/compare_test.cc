// "remapd compare", in this process, on generated logs.
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/daemon/cli/invoke.h"
#include "tests/unit/daemon/cli/small_log.h"

namespace remapd::cli {
namespace {

using test_support::TempDir;
using testing::HasSubstr;
using testing::Not;

// A log with communities to be found.
std::string generated(const TempDir& dir, const std::string& samples) {
  const std::string path = (dir / "events.tsv").string();
  const auto done = invoke(
      {"generate", "--out", path, "--samples", samples, "--users", "3000", "--items", "2000"});
  EXPECT_EQ(done.code, ExitCode::kOk) << done.err;
  return path;
}

TEST(Compare, CombinedIsBetweenHashingAndTheFullTable) {
  const TempDir dir;
  const std::string log = generated(dir, "40960");
  const auto done = invoke({"compare", "--events", log, "--features", "user,item,category",
                            "--rows", "0.1", "--strategies", "combined,hash,full", "--json"});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_EQ(done.err, "");
  const auto json = nlohmann::json::parse(done.out);
  EXPECT_EQ(json["samples"], 40960);
  EXPECT_EQ(json["evaluated_samples"], 32768);
  EXPECT_TRUE(json["negatives"].is_null());
  ASSERT_EQ(json["results"].size(), 3U);
  std::map<std::string, nlohmann::json> results;
  for (const auto& result : json["results"]) results[result["strategy"]] = result;
  EXPECT_LT(results["full"]["ne"], results["combined"]["ne"]);
  EXPECT_LT(results["combined"]["ne"], results["hash"]["ne"]);
  EXPECT_GT(results["combined"]["gap_closed"], 0);
  EXPECT_LT(results["combined"]["gap_closed"], 1);
  EXPECT_EQ(results["hash"]["gap_closed"], 0);
  EXPECT_EQ(results["full"]["over_full"], 0);
  EXPECT_EQ(results["combined"]["rows"], results["hash"]["rows"]);
  EXPECT_EQ(results["combined"]["bytes"], results["combined"]["rows"].get<std::uint64_t>() * 256);
  EXPECT_GT(results["combined"]["versions"], 1);
  EXPECT_TRUE(json["recommendation"].is_object());
}

TEST(Compare, TellsPeopleATableAndARecommendation) {
  const TempDir dir;
  const std::string log = generated(dir, "20480");
  const std::vector<std::string> arguments{
      "compare",    "--events",           log,
      "--features", "user,item,category", "--rows",
      "10%,50%",    "--strategies",       "full,hash,combined"};
  auto generous = arguments;
  generous.insert(generous.end(), {"--within", "90%"});
  const auto done = invoke(generous, "", true);
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("compared on 20,480 samples"));
  EXPECT_THAT(done.out, HasSubstr("gap closed"));
  EXPECT_THAT(done.out, HasSubstr("Recommendation: 10 % of the ids with combined"));
  EXPECT_THAT(done.out, HasSubstr("Plain hashing is within 90 % there as well"));
  EXPECT_THAT(done.out, HasSubstr("try still fewer rows with --rows"));
  EXPECT_THAT(done.err, HasSubstr("comparing 5 contenders")) << "progress on a terminal";

  auto strict = arguments;
  strict.insert(strict.end(), {"--within", "0.01%", "--samples", "5000"});
  const auto short_log = invoke(strict);
  ASSERT_EQ(short_log.code, ExitCode::kOk) << short_log.err;
  EXPECT_THAT(short_log.out, HasSubstr("compared on 5,000 samples"));
  EXPECT_THAT(short_log.out, HasSubstr("No recommendation: "));
  EXPECT_EQ(short_log.err, "") << "no progress where nobody looks";
}

TEST(Compare, DrawsNegativesWhereThereAreNoLabels) {
  const TempDir dir;
  std::string text = "timestamp\tuser\titem\n";
  for (int i = 0; i < 6000; ++i) {
    text += "1\t" + std::to_string(i * 7 % 1500) + "\t" + std::to_string(i * 7 % 1500) + "\n";
  }
  test_support::write_file(dir / "clicks.tsv", text);
  const std::string log = (dir / "clicks.tsv").string();
  const auto done = invoke({"compare", "--events", log, "--features", "user,item", "--rows", "10%",
                            "--strategies", "full,hash", "--json"});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  const auto json = nlohmann::json::parse(done.out);
  EXPECT_EQ(json["negatives"], "item");
  EXPECT_EQ(json["positive_share"], 0.5);
  EXPECT_TRUE(json["recommendation"].is_null()) << "combined was not asked for";
  EXPECT_THAT(json["notes"].dump(), HasSubstr("the log has no labels"));

  const auto other = invoke({"compare", "--events", log, "--features", "user,item", "--rows", "10%",
                             "--strategies", "full", "--negatives", "user", "--json"});
  ASSERT_EQ(other.code, ExitCode::kOk) << other.err;
  EXPECT_EQ(nlohmann::json::parse(other.out)["negatives"], "user");
}

TEST(Compare, SaysWhenThereIsNothingToCompare) {
  const TempDir dir;
  const auto done =
      invoke({"compare", "--events", write_small_log(dir), "--features", "user,item"});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("no feature has more than 1,000 ids"));
  EXPECT_THAT(done.out, Not(HasSubstr("Recommendation")));
}

TEST(Compare, ComparesTheRowsOfAConfiguration) {
  const TempDir dir;
  const std::string log = write_small_log(dir);
  test_support::write_file(
      dir / "c.toml", "[source.file]\npath = \"" + log +
                          "\"\n[[table]]\nname = \"t\"\nrows = 9\n[[feature]]\nname = \"item\"\n"
                          "table = \"t\"\n[[feature]]\nname = \"user\"\ntable = \"t\"\n");
  const auto done = invoke({"compare", "--config", (dir / "c.toml").string(), "--json"});
  ASSERT_EQ(done.code, ExitCode::kOk) << done.err;
  const auto json = nlohmann::json::parse(done.out);
  ASSERT_EQ(json["budgets"].size(), 1U);
  EXPECT_EQ(json["budgets"][0]["name"], "configured");
  EXPECT_EQ(json["budgets"][0]["rows"]["item"], 9);
  EXPECT_THAT(json["notes"].dump(), HasSubstr("share a table"));
  EXPECT_TRUE(json["recommendation"]["verdict"].is_string());

  const auto no_broker = invoke({"compare", "--config", (dir / "c.toml").string(), "--set",
                                 "source.kind=kafka", "--set", "kafka.brokers=127.0.0.1:1"});
  EXPECT_EQ(no_broker.code, ExitCode::kTemporary);
  EXPECT_THAT(no_broker.err, HasSubstr("Kafka at 127.0.0.1:1 (kafka.brokers)"));
}

TEST(Compare, RefusesWhatCannotWork) {
  const TempDir dir;
  const std::string log = write_small_log(dir);
  struct Case {
    std::vector<std::string> arguments;
    ExitCode code;
    const char* message;
  };
  const Case cases[] = {
      {{"--features", "user,item"}, ExitCode::kUsage, "--events"},
      {{"--events", log}, ExitCode::kUsage, "--features"},
      {{"--events", log, "--features", "user"}, ExitCode::kUsage, "two features"},
      {{"--events", log, "--features", "user=t,item"}, ExitCode::kUsage, "must be a name"},
      {{"--events", log, "--features", "user,item", "--rows", "500"},
       ExitCode::kUsage,
       "--rows: \"500\" must be a share"},
      {{"--events", log, "--features", "user,item", "--rows", "120%"}, ExitCode::kUsage, "--rows"},
      {{"--events", log, "--features", "user,item", "--within", "x"}, ExitCode::kUsage, "--within"},
      {{"--events", log, "--features", "user,item", "--strategies", "full,luck"},
       ExitCode::kUsage,
       "\"luck\" is not one of full, hash"},
      {{"--events", log, "--features", "user,item", "--negatives", "shop"},
       ExitCode::kUsage,
       "--negatives: \"shop\""},
      {{"--events", log, "--features", "user,item", "--samples", "0"}, ExitCode::kUsage, "samples"},
      {{"--events", log, "--features", "user,shop"}, ExitCode::kConfig, "no column shop"},
      {{"--events", log, "--features", "user,item", "--label", "liked"},
       ExitCode::kConfig,
       "liked"},
      {{"--events", (dir / "void").string(), "--features", "user,item"},
       ExitCode::kIo,
       "No such file"},
      {{"--events", log, "--features", "user,item", "--config", "a.toml"},
       ExitCode::kUsage,
       "excludes"},
      {{"--events", log, "--features", "user,item", "--set", "learning.factors=5"},
       ExitCode::kConfig,
       "multiple of 4"},
  };
  for (const Case& c : cases) {
    std::vector<std::string> arguments = c.arguments;
    arguments.insert(arguments.begin(), "compare");
    const auto refused = invoke(arguments);
    EXPECT_EQ(refused.code, c.code) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(c.message));
    EXPECT_EQ(refused.out, "");
  }
  test_support::write_file(dir / "empty.tsv", "timestamp\tlabel\tuser\titem\n");
  const auto empty =
      invoke({"compare", "--events", (dir / "empty.tsv").string(), "--features", "user,item"});
  EXPECT_EQ(empty.code, ExitCode::kFailure);
  EXPECT_THAT(empty.err, HasSubstr("no sample"));
}

}  // namespace
}  // namespace remapd::cli
