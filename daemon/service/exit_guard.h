// ExitGuard: a stop that has saved everything ends, whatever still holds on to a connection.
//
// Client libraries can wait for a broker when they are taken down, some of them without bound.
// Nothing is lost by leaving then: versions, checkpoint and dead letters are durable before.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace remapd::service {

class ExitGuard {
 public:
  using Leave = std::function<void()>;

  ExitGuard() = default;
  ~ExitGuard();
  ExitGuard(const ExitGuard&) = delete;
  ExitGuard& operator=(const ExitGuard&) = delete;

  // Calls `leave` on a thread of its own unless destroyed within `patience`. Once.
  void arm(std::chrono::milliseconds patience, Leave leave);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace remapd::service
