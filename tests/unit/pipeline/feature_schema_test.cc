#include "core/pipeline/feature_schema.h"

#include <gtest/gtest.h>

namespace remapd::pipeline {
namespace {

TEST(FeatureSchema, FindsFeaturesByName) {
  const FeatureSchema schema({{"user", TableIndex{1}}, {"item", TableIndex{0}}});
  EXPECT_EQ(schema.size(), 2U);
  EXPECT_EQ(schema.find("user"), FeatureIndex{0});
  EXPECT_EQ(schema.find("item"), FeatureIndex{1});
  EXPECT_EQ(schema.feature(FeatureIndex{0}).table, TableIndex{1});
  for (const std::string_view name : {"", "use", "user ", "User"}) EXPECT_FALSE(schema.find(name));
}

TEST(FeatureSchema, MayBeEmpty) {
  EXPECT_EQ(FeatureSchema().size(), 0U);
  EXPECT_FALSE(FeatureSchema().find("user"));
}

}  // namespace
}  // namespace remapd::pipeline
