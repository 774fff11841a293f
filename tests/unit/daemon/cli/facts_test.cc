#include "daemon/cli/facts.h"

#include <gtest/gtest.h>

namespace remapd::cli {
namespace {

TEST(Facts, AreTextAndJsonAtOnce) {
  Facts facts;
  facts.add("ids", 7, "known ids", "7");
  facts.add_json("hidden", true);
  facts.add_text("size", "1 B");
  EXPECT_EQ(facts.text(), "known ids  7\nsize       1 B\n");
  EXPECT_EQ(facts.json().dump(), R"({"ids":7,"hidden":true})");
  EXPECT_EQ(Facts().json().dump(), "{}");
}

}  // namespace
}  // namespace remapd::cli
