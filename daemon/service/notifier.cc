#include "daemon/service/notifier.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

namespace remapd::service {
namespace {

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
  if (const char* path = std::getenv("NOTIFY_SOCKET")) socket_ = path;
}

// False only while the manager's queue is full; one that is not there has not been missed.
bool Notifier::tell(std::string_view message) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof(address.sun_path)) return true;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const ssize_t sent = ::sendto(fd, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), length);
  const int error = errno;
  ::close(fd);
  return sent >= 0 || (error != EAGAIN && error != ENOBUFS && error != ENOMEM);
}

bool Notifier::ready() const {
  return tell("READY=1");
}

bool Notifier::alive() const {
  return tell("WATCHDOG=1");
}

void Notifier::reloading() const {
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_usec()));
}

void Notifier::stopping() const {
  tell("STOPPING=1");
}

void Notifier::status(std::string_view line) const {
  tell(fmt::format("STATUS={}", line));
}

void Notifier::extend_timeout(std::chrono::microseconds by) const {
  tell(fmt::format("EXTEND_TIMEOUT_USEC={}", by.count()));
}

}  // namespace remapd::service
