// What a service tells its service manager (sd_notify(3)), and what that asks of it.
//
// Without a service manager (no $NOTIFY_SOCKET) every call does nothing. Calls never fail and never
// wait: a manager that does not listen must not keep the daemon from working. (sd_notify(3) itself
// waits while the manager's queue is full.) Thread safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace remapd::service {

class Notifier {
 public:
  // Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID.
  Notifier();

  // Within which time the manager wants to hear alive(); none: it does not watch.
  std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

  // What the manager must hear: false while its queue is full, to be said again later.
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool alive() const;

  void reloading() const;  // ready() ends it
  void stopping() const;
  // `line`: for "systemctl status".
  void status(std::string_view line) const;
  // Starting or stopping goes on; do not give up on it for so long from now.
  void extend_timeout(std::chrono::microseconds by) const;

 private:
  bool tell(std::string_view message) const;

  std::optional<std::chrono::microseconds> watchdog_;
  std::string socket_;  // empty: no manager
};

}  // namespace remapd::service
