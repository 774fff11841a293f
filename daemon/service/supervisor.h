// Supervisor: the main thread of a running daemon. It takes signals, keeps the service manager
// informed, and feeds its watchdog as long as the pipeline moves.
//
//   stop     the application is asked to stop; a second one makes it hurry: what is in flight is
//            given up, the last checkpoint is still taken
//   reload   the configuration is read again; what can change while running is applied, and what
//            cannot is told in the log. A configuration with problems changes nothing.
//
// The manager is told "ready" when events are being read, or after a few seconds of waiting for the
// outside world (a broker that is not there yet must not keep the machine from booting). Loading a
// checkpoint is no such wait: however long it takes, more time is asked for until it is done.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "daemon/application/application.h"
#include "daemon/config/config.h"
#include "daemon/logging/logger.h"
#include "daemon/service/notifier.h"
#include "daemon/service/signals.h"

namespace remapd::service {

// One line of what is going on, for "systemctl status".
std::string status_line(const application::Status& status);

// Whether the manager may be told "ready"; `patience_over`: the few seconds have passed.
bool may_be_ready(const application::Status& status, bool patience_over);

class Supervisor {
 public:
  struct Parts {
    application::Application& application;
    Signals& signals;
    const Notifier& notifier;
    logging::Logger& log;
    const Clock& clock;
    std::function<void()> reload_files{};  // what else a reload reads anew
  };
  // Reads the configuration anew.
  using Load = std::function<Result<config::Config>()>;

  // `config`: what the application was made from.
  Supervisor(const Parts& parts, config::Config config, Load load);

  // From the started application to its end; what ended it, if that was an error. One call.
  Result<void> run();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void take(Signal signal);
  void reload();
  void inform();

  Parts parts_;
  config::Config started_with_;
  config::Config applied_;
  Load load_;
  unsigned stops_ = 0;
  bool ready_ = false;
  std::uint64_t beats_ = 0;  // when the watchdog was last fed
  TimePoint ready_by_;
  TimePoint next_watchdog_;
  TimePoint next_status_;
  std::string told_;
};

}  // namespace remapd::service
