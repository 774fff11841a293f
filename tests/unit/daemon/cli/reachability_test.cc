#include "daemon/cli/reachability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_lines.h"
#include "tests/unit/daemon/cli/small_log.h"

namespace remapd::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Reachability, LooksAtEverythingTheConfigurationNames) {
  const test_support::TempDir dir;
  test_support::LogLines lines;
  config::Config config;
  config.tables.push_back({.name = "item", .rows = 4});
  config.features.push_back({"item", ""});
  config.source.file.path = write_small_log(dir);
  config.sink.directory_path = (dir / "m").string();
  config.dead_letter.file_path = (dir / "d").string();
  config.checkpoint.dir = "";
  auto findings = reach(config, lines.log());
  ASSERT_EQ(findings.size(), 3U);
  for (const Finding& finding : findings) EXPECT_TRUE(finding.result) << finding.what;

  config.features[0].name = "nobody";
  config.features[0].table = "item";
  config.sink.directory_path = config.source.file.path;  // a file, not a directory
  config.checkpoint.dir = (dir / "c").string();
  findings = reach(config, lines.log());
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_THAT(findings[0].what, StartsWith("source.file.path "));
  ASSERT_FALSE(findings[0].result);
  EXPECT_THAT(findings[0].result.error().message, HasSubstr("nobody"));
  EXPECT_THAT(findings[1].what, StartsWith("sink.directory.path "));
  ASSERT_FALSE(findings[1].result);
  EXPECT_THAT(findings[1].result.error().message, HasSubstr("not a directory"));
  EXPECT_TRUE(findings[2].result);
  EXPECT_TRUE(findings[3].result);
}

}  // namespace
}  // namespace remapd::cli
