#include "daemon/cli/build_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace remapd::cli {
namespace {

using testing::HasSubstr;

BuildRequest request(std::vector<std::string> features, std::vector<std::string> tables,
                     std::string rows) {
  BuildRequest out;
  out.features = std::move(features);
  out.tables = std::move(tables);
  out.rows = std::move(rows);
  return out;
}

std::string refusal(const BuildRequest& wanted) {
  const auto plans = plan_tables(wanted);
  EXPECT_FALSE(plans);
  if (plans) return "";
  EXPECT_EQ(plans.error().code, ErrorCode::kInvalidArgument);
  return plans.error().message;
}

TEST(RowBudget, IsANumberOfRowsOrAShare) {
  EXPECT_EQ(parse_row_budget("20000")->rows, 20000U);
  EXPECT_FALSE(parse_row_budget("20000")->share);
  EXPECT_DOUBLE_EQ(parse_row_budget("10%")->share.value(), 0.1);
  EXPECT_DOUBLE_EQ(parse_row_budget("2.5%")->share.value(), 0.025);
  EXPECT_DOUBLE_EQ(parse_row_budget("0.25")->share.value(), 0.25);
  EXPECT_DOUBLE_EQ(parse_row_budget("100%")->share.value(), 1.0);
  EXPECT_EQ(parse_row_budget("4294967294")->rows, 4294967294U);
  for (const char* bad : {"", "%", "0", "0%", "-1", "101%", "1.5", "ten", "10 %", "4294967295",
                          "1e3", "nan%", "10%%"}) {
    const auto refused = parse_row_budget(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(BuildRequest, FeaturesShareTables) {
  const auto plans = plan_tables(request({"seen=item", "user", "bought=item"}, {"user=7"}, "10%"));
  ASSERT_TRUE(plans);
  ASSERT_EQ(plans->size(), 2U);
  EXPECT_EQ((*plans)[0].name, "item");
  EXPECT_DOUBLE_EQ((*plans)[0].budget.share.value(), 0.1);
  EXPECT_EQ((*plans)[1].name, "user");
  EXPECT_EQ((*plans)[1].budget.rows, 7U);
}

TEST(BuildRequest, WithoutFeaturesEachTableIsFedByTheFeatureOfItsName) {
  BuildRequest wanted = request({}, {"item=50", "user=60"}, "");
  wanted.strategy = "frequency";
  const auto plans = plan_tables(wanted);
  ASSERT_TRUE(plans);
  const auto config = make_config(wanted, *plans, {50, 60});
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->tables.size(), 2U);
  EXPECT_EQ(config->tables[1].rows, 60U);
  EXPECT_EQ(config->tables[1].strategy, mapping::Strategy::kFrequency);
  ASSERT_EQ(config->features.size(), 2U);
  EXPECT_EQ(config->features[0].name, "item");
}

TEST(BuildRequest, SaysWhichFlagToChange) {
  EXPECT_THAT(refusal(request({}, {}, "")), HasSubstr("--features"));
  EXPECT_THAT(refusal(request({"user"}, {}, "")), HasSubstr("--table user=ROWS"));
  EXPECT_THAT(refusal(request({"user"}, {"item=3"}, "")), HasSubstr("no feature feeds \"item\""));
  EXPECT_THAT(refusal(request({"user"}, {"user"}, "")), HasSubstr("--table: \"user\""));
  EXPECT_THAT(refusal(request({"user"}, {}, "many")), HasSubstr("--rows: \"many\""));
  EXPECT_THAT(refusal(request({"user="}, {}, "1")), HasSubstr("--features: \"user=\""));
  EXPECT_THAT(refusal(request({"=user"}, {}, "1")), HasSubstr("--features: \"=user\""));
  BuildRequest wanted = request({"user"}, {}, "1");
  wanted.strategy = "best";
  EXPECT_THAT(refusal(wanted), HasSubstr("--strategy: \"best\""));
}

TEST(BuildRequest, OverridesReachTheConfiguration) {
  BuildRequest wanted = request({"a \"b\""}, {}, "5");
  wanted.overrides = {"learning.seed=9"};
  const auto plans = plan_tables(wanted);
  ASSERT_TRUE(plans);
  const auto config = make_config(wanted, *plans, {5});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->learning.seed, 9U);
  EXPECT_EQ(config->tables[0].name, "a \"b\"");
  wanted.overrides = {"learning.sead=9"};
  const auto refused = make_config(wanted, *plans, {5});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_THAT(refused.error().message, HasSubstr("did you mean"));
}

TEST(BuildRequest, AConfigurationFileTakesTheirPlace) {
  const test_support::TempDir dir;
  test_support::write_file(dir / "a.toml",
                           "[[table]]\nname = \"t\"\nrows = 3\n[[feature]]\nname = \"t\"\n");
  BuildRequest wanted;
  wanted.config_path = (dir / "a.toml").string();
  const auto config = make_config(wanted, {}, {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tables[0].rows, 3U);
}

}  // namespace
}  // namespace remapd::cli
