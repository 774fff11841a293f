#include "daemon/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config_text.h"

namespace remapd::config {
namespace {

TEST(Config, GivesTheEngineItsShare) {
  Config config = reference_config();
  config.learning.factors = 12;
  config.learning.seed = 99;
  config.features.push_back({"friend", "user"});
  const auto engine = config.engine_config();
  ASSERT_TRUE(engine) << engine.error().message;
  ASSERT_EQ(engine->tables.size(), 3U);
  EXPECT_EQ(engine->tables[1].name, "item");
  EXPECT_EQ(engine->factors, 12U);
  EXPECT_EQ(engine->seed, 99U);
  ASSERT_EQ(engine->features.size(), 4U);
  EXPECT_EQ(engine->features[3].name, "friend");
  EXPECT_EQ(engine->features[3].table, TableIndex{0});
}

TEST(Config, AFeatureWithoutTableFeedsTheOneOfItsName) {
  Config config = reference_config();
  config.features = {{"item", ""}};
  const auto engine = config.engine_config();
  ASSERT_TRUE(engine);
  EXPECT_EQ(engine->features[0].table, TableIndex{1});
}

TEST(Config, RefusesAFeatureOfNoTable) {
  Config config = reference_config();
  config.features.push_back({"x", "nowhere"});
  const auto engine = config.engine_config();
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, ErrorCode::kConfig);
  EXPECT_THAT(engine.error().message, testing::HasSubstr("nowhere"));
}

TEST(Config, WaitsForPublicationsOfAFileUnlessTold) {
  Config config;
  EXPECT_TRUE(config.waits_for_publish());
  config.source.kind = SourceKind::kKafka;
  EXPECT_FALSE(config.waits_for_publish());
  config.publish.wait_for_publish = true;
  EXPECT_TRUE(config.waits_for_publish());
  config.source.kind = SourceKind::kFile;
  config.publish.wait_for_publish = false;
  EXPECT_FALSE(config.waits_for_publish());
}

TEST(LogLevel, ReadsWhatItWrites) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    EXPECT_EQ(parse_log_level(to_string(level)), level);
  }
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
}

}  // namespace
}  // namespace remapd::config
