#include "daemon/cli/progress.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::cli {
namespace {

using testing::HasSubstr;

TEST(Progress, LinesShowHowFarItIs) {
  EXPECT_EQ(progress_line("reading", 0.5, "7 samples"),
            "reading  [############            ]  50 %  7 samples");
  EXPECT_EQ(progress_line("reading", 2, ""), "reading  [########################] 100 %  ");
  EXPECT_EQ(progress_line("reading", -1, "7 samples"), "reading  7 samples");
}

TEST(Progress, IsSilentWithoutATerminal) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err, false};
  {
    Progress progress(console, "reading");
    EXPECT_FALSE(progress.due());
    progress.update(0.5, "x");
  }
  EXPECT_EQ(err.str(), "");
}

TEST(Progress, IsDrawnOnceAndRemovedOnATerminal) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err, true};
  {
    Progress progress(console, "reading");
    EXPECT_TRUE(progress.due());
    progress.update(0.5, "first");
    progress.update(0.6, "at once again");
    EXPECT_THAT(err.str(), HasSubstr("first"));
    EXPECT_THAT(err.str(), testing::Not(HasSubstr("at once again")));
  }
  EXPECT_THAT(err.str(), testing::EndsWith("\r\x1b[K"));
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace remapd::cli
