#include "daemon/config/closest_name.h"

#include <array>

#include <gtest/gtest.h>

namespace remapd::config {
namespace {

TEST(EditDistance, CountsSingleEdits) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("level", "level"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("level", "levl"), 1U);    // deletion
  EXPECT_EQ(edit_distance("level", "leveel"), 1U);  // insertion
  EXPECT_EQ(edit_distance("level", "lever"), 1U);   // replacement
  EXPECT_EQ(edit_distance("level", "leevl"), 1U);   // swap of neighbours
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(EditDistance, IsSymmetric) {
  EXPECT_EQ(edit_distance("every_samples", "evry_sample"),
            edit_distance("evry_sample", "every_samples"));
}

TEST(ClosestName, IsTheNearest) {
  const std::array<std::string, 3> names{"first_samples", "every_samples", "growth"};
  EXPECT_EQ(closest_name("evry_samples", names), "every_samples");
  EXPECT_EQ(closest_name("grwoth", names), "growth");
}

TEST(ClosestName, IsNothingWhenNothingIsNear) {
  const std::array<std::string, 2> names{"first_samples", "growth"};
  EXPECT_EQ(closest_name("listen", names), std::nullopt);
  EXPECT_EQ(closest_name("zz", names), std::nullopt);
  EXPECT_EQ(closest_name("x", {}), std::nullopt);
}

TEST(ClosestName, DoesNotReplaceEveryLetter) {
  const std::array<std::string, 1> names{"ab"};
  EXPECT_EQ(closest_name("xy", names), std::nullopt);
}

TEST(ClosestName, TakesTheFirstOfEquallyNear) {
  const std::array<std::string, 2> names{"rows1", "rows2"};
  EXPECT_EQ(closest_name("rows", names), "rows1");
}

}  // namespace
}  // namespace remapd::config
