#include "daemon/service/signals.h"

#include <csignal>

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

namespace remapd::service {
namespace {

using namespace std::chrono_literals;

// Gives the signals back to the test program.
class Signalling : public testing::Test {
 protected:
  Signalling() { pthread_sigmask(SIG_SETMASK, nullptr, &before_); }
  ~Signalling() override {
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGXFSZ, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  sigset_t before_;
};

TEST_F(Signalling, AreTakenOneAfterAnother) {
  Signals signals;
  EXPECT_FALSE(signals.wait(0ms));
  ASSERT_EQ(::raise(SIGHUP), 0);
  EXPECT_EQ(signals.wait(1s), Signal::kReload);
  for (const int stop : {SIGTERM, SIGINT}) {
    ASSERT_EQ(::raise(stop), 0);
    EXPECT_EQ(signals.wait(1s), Signal::kStop);
  }
  EXPECT_FALSE(signals.wait(1ms));
}

TEST_F(Signalling, BrokenPipesAreErrorsOfTheWrite) {
  const Signals signals;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  ::close(ends[1]);
}

}  // namespace
}  // namespace remapd::service
