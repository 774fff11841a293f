// StatusBoard: holds the newest Status and its history; the pipeline thread writes, others read.
//
// Thread safe; a Status that was read never changes. read() is O(1).
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "daemon/application/status.h"
#include "daemon/application/status_history.h"

namespace remapd::application {

class StatusBoard {
 public:
  std::shared_ptr<const Status> read() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  std::vector<HistoryPoint> history(HistorySpan span) const { return history_.points(span); }

  void write(Status status) {
    history_.add(status);
    auto next = std::make_shared<const Status>(std::move(status));
    const std::lock_guard lock(mutex_);
    status_.swap(next);
  }

 private:
  StatusHistory history_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Status> status_ = std::make_shared<const Status>();
};

}  // namespace remapd::application
