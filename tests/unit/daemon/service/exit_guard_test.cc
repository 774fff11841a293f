#include "daemon/service/exit_guard.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace remapd::service {
namespace {

using namespace std::chrono_literals;

TEST(ExitGuard, LeavesWhenTheEndIsLongInComing) {
  std::promise<void> left;
  ExitGuard guard;
  guard.arm(1ms, [&] { left.set_value(); });
  EXPECT_EQ(left.get_future().wait_for(30s), std::future_status::ready);
}

TEST(ExitGuard, DoesNothingAfterATimelyEnd) {
  std::atomic<bool> left = false;
  {
    ExitGuard guard;
    guard.arm(1h, [&] { left = true; });
  }
  EXPECT_FALSE(left);
  ExitGuard never_armed;
}

}  // namespace
}  // namespace remapd::service
