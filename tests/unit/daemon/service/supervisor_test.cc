// Signals and reloads of a whole daemon: tests/component/remapd_run_test.cc.
#include "daemon/service/supervisor.h"

#include <gtest/gtest.h>

namespace remapd::service {
namespace {

TEST(StatusLine, SaysWhatIsGoingOnInOneLine) {
  application::Status status;
  status.phase = application::Phase::kRunning;
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
  status.problems = {{.code = application::ProblemCode::kCannotRead,
                      .where = "kafka events",
                      .what = "no broker\nanswers"},
                     {.code = application::ProblemCode::kFeatureMissing,
                      .where = "feature usr",
                      .what = "no id in 1000 samples"}};
  EXPECT_TRUE(
      status_line(status).ends_with("; no broker answers; feature usr: no id in 1000 samples"));
}

TEST(Ready, WaitingForTheOutsideWorldIsTiredOfButNotLoadingACheckpoint) {
  application::Status status;
  status.phase = application::Phase::kStarting;
  EXPECT_FALSE(may_be_ready(status, false));
  EXPECT_TRUE(may_be_ready(status, true));
  status.phase = application::Phase::kRestoring;
  EXPECT_FALSE(may_be_ready(status, true)) << "it takes as long as it takes";
  status.problem = "no broker answers";
  EXPECT_FALSE(may_be_ready(status, false));
  EXPECT_TRUE(may_be_ready(status, true));
  status.problem.clear();
  status.phase = application::Phase::kRunning;
  EXPECT_TRUE(may_be_ready(status, false));
}

}  // namespace
}  // namespace remapd::service
