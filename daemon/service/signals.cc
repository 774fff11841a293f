#include "daemon/service/signals.h"

#include <ctime>

#include <pthread.h>

#include "core/base/check.h"

namespace remapd::service {

Signals::Signals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
  REMAPD_CHECK(pthread_sigmask(SIG_BLOCK, &set_, nullptr) == 0, "these signals can be blocked");
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

std::optional<Signal> Signals::wait(std::chrono::milliseconds timeout) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec at_most{.tv_sec = seconds.count(),
                         .tv_nsec = std::chrono::nanoseconds(timeout - seconds).count()};
  switch (sigtimedwait(&set_, nullptr, &at_most)) {
    case SIGTERM:
    case SIGINT:
      return Signal::kStop;
    case SIGHUP:
      return Signal::kReload;
    default:  // the time is over, or another signal came between
      return std::nullopt;
  }
}

}  // namespace remapd::service
