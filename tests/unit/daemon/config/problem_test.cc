#include "daemon/config/problem.h"

#include <gtest/gtest.h>

namespace remapd::config {
namespace {

TEST(Problem, NamesFileLineColumnAndKey) {
  EXPECT_EQ(to_string({"a.toml", 12, 3, "publish.growth", "is 0.5, must be 1.0 to 100.0"}),
            "a.toml:12:3: publish.growth is 0.5, must be 1.0 to 100.0");
  EXPECT_EQ(to_string({"a.toml", 2, 1, "log.lvl", "unknown key"}),
            "a.toml:2:1: log.lvl: unknown key");
}

TEST(Problem, LeavesOutWhatItDoesNotHave) {
  EXPECT_EQ(to_string({"a.toml", 0, 0, "", "no table"}), "a.toml: no table");
  EXPECT_EQ(to_string({"a.toml", 0, 0, "admin.listen", "must be something"}),
            "a.toml: admin.listen must be something");
}

}  // namespace
}  // namespace remapd::config
