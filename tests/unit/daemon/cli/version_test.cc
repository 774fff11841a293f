#include "daemon/cli/version.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/daemon/cli/invoke.h"

namespace remapd::cli {
namespace {

TEST(VersionCommand, TellsTheBuild) {
  const auto text = invoke({"version"});
  EXPECT_EQ(text.out.rfind(version_line(), 0), 0U) << text.out;
  const auto json = nlohmann::json::parse(invoke({"version", "--json"}).out);
  EXPECT_EQ("remapd " + json["version"].get<std::string>(), version_line());
  EXPECT_NE(json["compiler"], "");
}

}  // namespace
}  // namespace remapd::cli
