#include "daemon/application/status.h"

#include <algorithm>

namespace remapd::application {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kStarting:
      return "starting";
    case Phase::kRestoring:
      return "restoring";
    case Phase::kRunning:
      return "running";
    case Phase::kEnded:
      return "ended";
    case Phase::kStopping:
      return "stopping";
    case Phase::kStopped:
      return "stopped";
    case Phase::kFailed:
      break;
  }
  return "failed";
}

void Timings::add(double seconds) {
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  ++buckets_[static_cast<std::size_t>(bucket - kBounds.begin())];
  ++count_;
  sum_ += seconds;
  last_ = seconds;
}

std::uint64_t Timings::at_most(std::size_t bucket) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= bucket; ++i) sum += buckets_[i];
  return sum;
}

}  // namespace remapd::application
