#include "daemon/service/exit_guard.h"

#include <utility>

namespace remapd::service {

ExitGuard::~ExitGuard() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ExitGuard::arm(std::chrono::milliseconds patience, Leave leave) {
  thread_ = std::thread([this, patience, leave = std::move(leave)] {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, patience, [this] { return over_; })) return;
    lock.unlock();
    leave();
  });
}

}  // namespace remapd::service
