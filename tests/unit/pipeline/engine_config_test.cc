#include "core/pipeline/engine_config.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::pipeline {
namespace {

using testing::HasSubstr;

EngineConfig valid() {
  EngineConfig config;
  TableConfig table;
  table.name = "item";
  table.rows = 100;
  config.tables = {table, table};
  config.tables[1].name = "user";
  config.features = {{"item", TableIndex{0}}, {"user", TableIndex{1}}};
  return config;
}

TEST(EngineConfig, DefaultsAreValidOnceTablesAndFeaturesAreNamed) {
  const auto result = valid().validate();
  EXPECT_TRUE(result) << result.error().message;
}

TEST(EngineConfig, TakesEveryBoundItself) {
  const std::function<void(EngineConfig&)> changes[] = {
      [](EngineConfig& c) { c.tables[0].rows = 1; },
      [](EngineConfig& c) { c.tables[0].rows = 0xfffffffe; },
      [](EngineConfig& c) { c.tables[0].max_tracked_ids = 1; },
      [](EngineConfig& c) { c.tables[0].dedicated_share = 0; },
      [](EngineConfig& c) { c.tables[0].dedicated_share = 1; },
      [](EngineConfig& c) { c.tables[0].new_id_share = 0.9; },
      [](EngineConfig& c) { c.tables[0].hysteresis = 1; },
      [](EngineConfig& c) { c.tables[0].churn_budget = 0; },
      [](EngineConfig& c) { c.co_access_dimension = 64; },
      [](EngineConfig& c) { c.factors = 32; },
      [](EngineConfig& c) { c.mini_batch = 4096; },
      [](EngineConfig& c) { c.tick_samples = 1; },
  };
  for (const auto& change : changes) {
    EngineConfig config = valid();
    change(config);
    const auto result = config.validate();
    EXPECT_TRUE(result) << result.error().message;
  }
}

TEST(EngineConfig, NamesWhatIsOutOfBounds) {
  const struct {
    std::function<void(EngineConfig&)> change;
    const char* message;
  } cases[] = {
      {[](EngineConfig& c) { c.tables.clear(); }, "[[table]]"},
      {[](EngineConfig& c) { c.features.clear(); }, "[[feature]]"},
      {[](EngineConfig& c) { c.tables[0].name.clear(); }, "a table has no name"},
      {[](EngineConfig& c) { c.tables[1].name = "item"; }, "two tables are named \"item\""},
      {[](EngineConfig& c) { c.features[0].name.clear(); }, "a feature has no name"},
      {[](EngineConfig& c) { c.features[1].name = "item"; }, "two features are named \"item\""},
      {[](EngineConfig& c) { c.features[1].table = TableIndex{2}; }, "feature \"user\""},
      {[](EngineConfig& c) { c.tables[1].rows = 0; }, "table \"user\": rows is 0"},
      {[](EngineConfig& c) { c.tables[0].rows = 0xffffffff; }, "rows"},
      {[](EngineConfig& c) { c.tables[0].max_tracked_ids = 0; }, "max_tracked_ids"},
      {[](EngineConfig& c) { c.tables[0].max_tracked_ids = 1ULL << 40; }, "max_tracked_ids"},
      {[](EngineConfig& c) { c.tables[0].dedicated_share = 1.01; }, "dedicated_share"},
      {[](EngineConfig& c) { c.tables[0].dedicated_share = std::nan(""); }, "dedicated_share"},
      {[](EngineConfig& c) { c.tables[0].new_id_share = 0.91; }, "new_id_share"},
      {[](EngineConfig& c) { c.tables[0].horizon = 2e18; }, "horizon"},
      {[](EngineConfig& c) { c.tables[0].hysteresis = -0.1; }, "hysteresis"},
      {[](EngineConfig& c) { c.tables[0].churn_budget = 2; }, "churn_budget"},
      {[](EngineConfig& c) { c.co_access_dimension = 0; }, "co_access_dimension"},
      {[](EngineConfig& c) { c.co_access_dimension = 6; }, "multiple of 4"},
      {[](EngineConfig& c) { c.factors = 36; }, "factors"},
      {[](EngineConfig& c) { c.factors = 7; }, "multiple of 4"},
      {[](EngineConfig& c) { c.mini_batch = 0; }, "mini_batch"},
      {[](EngineConfig& c) { c.mini_batch = 4097; }, "mini_batch"},
      {[](EngineConfig& c) { c.tick_samples = 0; }, "tick_samples"},
  };
  for (const auto& [change, message] : cases) {
    EngineConfig config = valid();
    change(config);
    const auto result = config.validate();
    ASSERT_FALSE(result) << message;
    EXPECT_EQ(result.error().code, ErrorCode::kConfig);
    EXPECT_THAT(result.error().message, HasSubstr(message));
  }
}

TEST(EngineConfig, NamesLearnersAsTheConfigurationDoes) {
  EXPECT_EQ(to_string(LearnerChoice::kAuto), "auto");
  EXPECT_EQ(to_string(LearnerChoice::kCoAccess), "co_access");
  EXPECT_EQ(to_string(LearnerChoice::kSupervised), "supervised");
}

}  // namespace
}  // namespace remapd::pipeline
