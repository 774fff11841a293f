// StatusHistory: the main figures over time, for charts: of the last half hour every 5 seconds, of
// the last twelve hours every minute. Bounded at 70 KiB.
//
// Thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "daemon/application/status.h"

namespace remapd::application {

// Counters count since the stream began, so what happened between two points is their difference.
struct HistoryPoint {
  std::int64_t time_ms = 0;  // Unix milliseconds
  std::uint64_t samples = 0;
  std::uint64_t ids = 0;
  std::uint64_t dead_letters = 0;
  std::optional<std::uint64_t> lag_messages;  // all partitions; none: not known of each
  std::uint64_t resident_bytes = 0;
};

enum class HistorySpan : std::uint8_t { kHalfHour, kTwelveHours };

class StatusHistory {
 public:
  struct Resolution {
    std::int64_t step_ms;
    std::size_t points;
  };
  static Resolution resolution(HistorySpan span);

  // Keeps what `status` says if it is a step later than the point before; O(1).
  void add(const Status& status);
  // Oldest first.
  std::vector<HistoryPoint> points(HistorySpan span) const;

 private:
  mutable std::mutex mutex_;
  std::deque<HistoryPoint> half_hour_;
  std::deque<HistoryPoint> twelve_hours_;
};

}  // namespace remapd::application
