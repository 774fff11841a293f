// "remapd diff", in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/daemon/cli/invoke.h"
#include "tests/unit/daemon/cli/three_versions.h"

namespace remapd::cli {
namespace {

using testing::HasSubstr;

using Diff = ThreeVersions;

nlohmann::json json_of(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), "diff");
  arguments.emplace_back("--json");
  const auto done = invoke(arguments, input);
  EXPECT_EQ(done.code, ExitCode::kOk) << done.err;
  return nlohmann::json::parse(done.out);
}

TEST_F(Diff, ComparesTheNewestWithTheOneBeforeByTheirDelta) {
  const auto json = json_of({root_.string()});
  EXPECT_EQ(json["from"], 2);
  EXPECT_EQ(json["to"], 3);
  EXPECT_EQ(json["added"], 20);
  EXPECT_EQ(json["moved"], 2020);
  EXPECT_EQ(json["removed"], 0);
  EXPECT_EQ(json["rows_changed"], 50);
  EXPECT_EQ(json["ids_complete"], true);
  EXPECT_TRUE(json.contains("traffic_moved"));
  const auto text = invoke({"diff", root_.string()});
  EXPECT_THAT(text.out, HasSubstr("2,040, before 2,020"));
  EXPECT_THAT(text.out, HasSubstr("migration plan"));
}

TEST_F(Diff, FollowsSeveralDeltas) {
  const auto json = json_of({root_.string(), "--from", "1", "--to", "3", "--list"});
  EXPECT_EQ(json["added"], 40);
  EXPECT_EQ(json["moved"], 2000);
  EXPECT_FALSE(json.contains("traffic_moved"));  // known of neighbours only
  ASSERT_EQ(json["moved_ids"].size(), 2000U);
  EXPECT_EQ(json["moved_ids"][0], (nlohmann::json{{"id", 1}, {"from", 2}, {"to", 4}}));
  EXPECT_EQ(json["added_ids"][0], (nlohmann::json{{"id", 2001}, {"to", 4}}));
  const auto text = invoke({"diff", root_.string(), "--from", "1", "--list"});
  EXPECT_THAT(text.out, HasSubstr("\nmoved\t1\t2\t4\n"));
  EXPECT_THAT(text.out, HasSubstr("\nadded\t2001\t-\t4\n"));
}

TEST_F(Diff, OfBareArtifactsComparesTheIdsThatAreGiven) {
  const std::string old_one = (root_ / "t%2F1/v000000000001/mapping.remap").string();
  const std::string new_one = (root_ / "t%2F1/v000000000003").string();
  const auto without = invoke({"diff", old_one, new_one});
  EXPECT_EQ(without.code, ExitCode::kOk) << without.err;
  EXPECT_THAT(without.out, HasSubstr("--ids FILE"));
  const auto json = json_of({old_one, new_one, "--ids", "-"}, "1 2 2010 999999\n");
  EXPECT_EQ(json["ids_compared"], 4);
  EXPECT_EQ(json["moved"], 2);
  EXPECT_EQ(json["added"], 1);
  EXPECT_EQ(json["ids_complete"], false);
}

TEST_F(Diff, RefusesWhatCannotBeCompared) {
  const auto first = invoke({"diff", root_.string(), "--to", "1"});
  EXPECT_EQ(first.code, ExitCode::kUsage);
  EXPECT_THAT(first.err, HasSubstr("is the first"));
  const auto no_ids = invoke({"diff", root_.string(), "--ids", "/nonexistent/ids"});
  EXPECT_EQ(no_ids.code, ExitCode::kIo);
  const std::string other = REMAPD_SOURCE_DIR "/tests/golden/mapping-artifact-v1-wide.remapd";
  const auto tables = invoke({"diff", root_.string(), other});
  EXPECT_EQ(tables.code, ExitCode::kUsage);
  EXPECT_THAT(tables.err, HasSubstr("the other of"));
}

}  // namespace
}  // namespace remapd::cli
