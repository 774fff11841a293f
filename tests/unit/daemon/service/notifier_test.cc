#include "daemon/service/notifier.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"

namespace remapd::service {
namespace {

// The service manager's end.
class NotifySocket {
 public:
  NotifySocket() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (dir_ / "notify").string();
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }
  std::string next() {
    char text[512];
    const ssize_t n = ::recv(fd_, text, sizeof(text), 0);
    return n < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(n));
  }

 private:
  test_support::TempDir dir_;
  int fd_;
};

TEST(Notifier, SpeaksTheProtocol) {
  NotifySocket manager;
  const Notifier notifier;
  EXPECT_FALSE(notifier.watchdog());
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(manager.next(), "READY=1");
  notifier.reloading();
  EXPECT_THAT(manager.next(), testing::MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
  notifier.status("running, 7 samples");
  EXPECT_EQ(manager.next(), "STATUS=running, 7 samples");
  EXPECT_TRUE(notifier.alive());
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
  notifier.extend_timeout(std::chrono::seconds(30));
  EXPECT_EQ(manager.next(), "EXTEND_TIMEOUT_USEC=30000000");
  notifier.stopping();
  EXPECT_EQ(manager.next(), "STOPPING=1");
  EXPECT_EQ(manager.next(), "nothing");
}

TEST(Notifier, KnowsItsWatchdog) {
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(Notifier().watchdog(), std::chrono::seconds(2));
  ::setenv("WATCHDOG_PID", "1", 1);  // another process's
  EXPECT_FALSE(Notifier().watchdog());
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
}

TEST(Notifier, DoesNothingWithoutAManager) {
  EXPECT_TRUE(Notifier().ready());
  ::setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  EXPECT_TRUE(Notifier().alive());
  ::unsetenv("NOTIFY_SOCKET");
}

TEST(Notifier, DoesNotWaitForAManagerThatHangs) {
  NotifySocket manager;
  const Notifier notifier;
  std::size_t taken = 0;
  while (notifier.alive()) ASSERT_LT(++taken, 100'000U) << "its queue has no end?";
  notifier.status("still running");  // returns
  notifier.stopping();
  EXPECT_FALSE(notifier.ready());
  for (std::size_t i = 0; i < taken; ++i) EXPECT_EQ(manager.next(), "WATCHDOG=1");
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(manager.next(), "READY=1");
}

}  // namespace
}  // namespace remapd::service
