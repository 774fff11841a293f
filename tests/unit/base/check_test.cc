#include "core/base/check.h"

#include <gtest/gtest.h>

namespace remapd {
namespace {

TEST(Check, AHoldingInvariantCostsNothing) {
  int evaluated = 0;
  REMAPD_CHECK(++evaluated == 1, "evaluated once");
  EXPECT_EQ(evaluated, 1);
}

TEST(CheckDeathTest, ABrokenInvariantAbortsInEveryBuildType) {
  EXPECT_DEATH(REMAPD_CHECK(1 + 1 == 3, "arithmetic holds"),
               "check_test.cc:[0-9]+: broken invariant: arithmetic holds \\(1 \\+ 1 == 3\\)");
}

}  // namespace
}  // namespace remapd
