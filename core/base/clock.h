// The clock as a port, so that schedules can be tested without waiting.
#pragma once

#include <chrono>

namespace remapd {

class Clock {
 public:
  virtual ~Clock() = default;

  // Never goes backwards; for intervals and deadlines.
  virtual std::chrono::steady_clock::time_point now() const = 0;
  // May jump; for what people and other machines read.
  virtual std::chrono::system_clock::time_point wall_time() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::now();
  }
  std::chrono::system_clock::time_point wall_time() const override {
    return std::chrono::system_clock::now();
  }
};

}  // namespace remapd
