#include "daemon/application/status_history.h"

namespace remapd::application {
namespace {

HistoryPoint point_of(const Status& status) {
  HistoryPoint point{.time_ms = status.updated_ms,
                     .samples = status.samples,
                     .ids = status.ids,
                     .dead_letters = status.input.dead_letters,
                     .lag_messages = {},
                     .resident_bytes = status.memory.resident};
  const auto& lag = status.input.lag;
  if (!lag.empty() && lag.size() == status.offsets.size()) {
    point.lag_messages = 0;
    for (const pipeline::PartitionLag& partition : lag) *point.lag_messages += partition.messages;
  }
  return point;
}

void add_to(std::deque<HistoryPoint>& points, const HistoryPoint& point,
            StatusHistory::Resolution resolution) {
  if (!points.empty()) {
    // A wall clock set back: what lies ahead of it now would hold everything up.
    while (!points.empty() && points.back().time_ms > point.time_ms) points.pop_back();
    if (!points.empty() && point.time_ms < points.back().time_ms + resolution.step_ms) return;
  }
  if (points.size() == resolution.points) points.pop_front();
  points.push_back(point);
}

}  // namespace

StatusHistory::Resolution StatusHistory::resolution(HistorySpan span) {
  return span == HistorySpan::kHalfHour ? Resolution{5'000, 361} : Resolution{60'000, 721};
}

void StatusHistory::add(const Status& status) {
  const HistoryPoint point = point_of(status);
  const std::lock_guard lock(mutex_);
  add_to(half_hour_, point, resolution(HistorySpan::kHalfHour));
  add_to(twelve_hours_, point, resolution(HistorySpan::kTwelveHours));
}

std::vector<HistoryPoint> StatusHistory::points(HistorySpan span) const {
  const std::lock_guard lock(mutex_);
  const auto& points = span == HistorySpan::kHalfHour ? half_hour_ : twelve_hours_;
  return {points.begin(), points.end()};
}

}  // namespace remapd::application
