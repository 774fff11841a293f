#include "core/mapping/strategy.h"

#include <gtest/gtest.h>

namespace remapd::mapping {
namespace {

TEST(Strategy, IsReadAsItIsWritten) {
  for (const Strategy strategy : {Strategy::kHash, Strategy::kDoubleHash, Strategy::kFrequency,
                                  Strategy::kEmbedding, Strategy::kCombined}) {
    EXPECT_EQ(parse_strategy(to_string(strategy)), strategy);
  }
}

// Names are in configurations and manifests, numbers in artifacts and checkpoints.
TEST(Strategy, KeepsItsNamesAndNumbers) {
  EXPECT_EQ(to_string(Strategy::kDoubleHash), "double_hash");
  EXPECT_EQ(static_cast<int>(Strategy::kHash), 0);
  EXPECT_EQ(static_cast<int>(Strategy::kDoubleHash), 1);
  EXPECT_EQ(static_cast<int>(Strategy::kFrequency), 2);
  EXPECT_EQ(static_cast<int>(Strategy::kEmbedding), 3);
  EXPECT_EQ(static_cast<int>(Strategy::kCombined), 4);
}

TEST(Strategy, RefusesOtherNames) {
  for (const std::string_view name : {"", "Combined", "combined ", "unknown", "hash2"}) {
    EXPECT_FALSE(parse_strategy(name)) << name;
  }
  EXPECT_EQ(to_string(static_cast<Strategy>(200)), "unknown");
}

}  // namespace
}  // namespace remapd::mapping
