#include "daemon/service/notifier.h"

#include <cstdint>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <time.h>

namespace remapd::daemon {
namespace {

void notify(const std::string& message) {
  static_cast<void>(sd_notify(0, message.c_str()));
}

std::uint64_t monotonic_usec() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

Notifier::Notifier() {
  std::uint64_t usec = 0;
  if (sd_watchdog_enabled(0, &usec) > 0) watchdog_ = std::chrono::microseconds(usec);
}

void Notifier::ready() const {
  notify("READY=1");
}

void Notifier::reloading() const {
  notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_usec()));
}

void Notifier::stopping() const {
  notify("STOPPING=1");
}

void Notifier::alive() const {
  notify("WATCHDOG=1");
}

void Notifier::status(std::string_view line) const {
  notify(fmt::format("STATUS={}", line));
}

void Notifier::extend_timeout(std::chrono::microseconds by) const {
  notify(fmt::format("EXTEND_TIMEOUT_USEC={}", by.count()));
}

}  // namespace remapd::daemon
