#include "core/base/clock.h"

#include <gtest/gtest.h>

namespace remapd {
namespace {

TEST(SystemClock, FollowsTheClocksOfTheStandardLibrary) {
  const SystemClock clock;
  const auto before = std::chrono::steady_clock::now();
  const auto now = clock.now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, std::chrono::steady_clock::now());
  const auto off = clock.wall_time() - std::chrono::system_clock::now();
  EXPECT_LT(std::chrono::abs(off), std::chrono::hours(1));
}

}  // namespace
}  // namespace remapd
