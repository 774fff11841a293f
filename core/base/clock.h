// The clock as a port, so that schedules can be tested without waiting.
#pragma once

#include <chrono>
#include <cstdint>

namespace remapd {

// Unix milliseconds, as formats and interfaces carry times.
inline std::int64_t unix_ms(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

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
