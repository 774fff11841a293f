// Signals and reloads of a whole daemon: tests/component/remapd_run_test.cc.
#include "daemon/service/supervisor.h"

#include <gtest/gtest.h>

namespace remapd::daemon {
namespace {

TEST(StatusLine, SaysWhatIsGoingOnInOneLine) {
  Status status;
  status.phase = Phase::kRunning;
  status.samples = 12345;
  EXPECT_EQ(status_line(status), "running, 12345 samples");
  status.tables.resize(2);
  status.tables[0].stats.name = "item";
  status.tables[0].last.emplace().info.version = Version{7};
  status.tables[0].frozen = true;
  status.tables[1].stats.name = "user";
  status.tables[1].problem = "refused";
  status.problem = "no broker\nanswers";
  EXPECT_EQ(status_line(status),
            "running, 12345 samples; item v7 (frozen); user no version yet (refused); no broker "
            "answers");
}

}  // namespace
}  // namespace remapd::daemon
