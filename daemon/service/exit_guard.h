// ExitGuard: bounds how long the process takes to exit after everything has been saved.
//
// Client libraries may wait for a broker in their destructors, some without bound. Exiting loses
// nothing then: versions, checkpoint and dead letters are durable before. Not thread safe.
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
