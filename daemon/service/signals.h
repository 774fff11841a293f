// The signals a daemon is steered by, received one after another by one thread instead of by
// handlers.
//
//   SIGTERM, SIGINT   stop        SIGHUP   reload
//   SIGPIPE, SIGXFSZ  ignored: what was written to reports the error
#pragma once

#include <chrono>
#include <csignal>
#include <optional>

namespace remapd::service {

enum class Signal { kStop, kReload };

class Signals {
 public:
  // From now on the signals wait to be taken. Make it before any thread: threads inherit this.
  Signals();

  // The next signal, waiting at most `timeout` for it. One caller at a time.
  std::optional<Signal> wait(std::chrono::milliseconds timeout);

 private:
  sigset_t set_;
};

}  // namespace remapd::service
