// Cancellation of work that runs on another thread.
//
//   thread A:  const CancellationScope scope(cancellation);  work();  // throws Cancelled
//   thread B:  cancellation.request();
//
// Within a scope, the functions of parallel.h, when called by the scope's thread, throw Cancelled
// between two pieces once it was requested; code between such calls is not interrupted. Work must
// therefore be exception safe.
#pragma once

#include <atomic>

namespace remapd {

// Thrown by work that is cancelled.
struct Cancelled {};

// Thread safe. A request cannot be withdrawn.
class Cancellation {
 public:
  void request() { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> requested_ = false;
};

// Applies to the thread that makes it, until it is destroyed. Scopes do not nest.
class CancellationScope {
 public:
  explicit CancellationScope(const Cancellation& cancellation) { current_ = &cancellation; }
  ~CancellationScope() { current_ = nullptr; }
  CancellationScope(const CancellationScope&) = delete;
  CancellationScope& operator=(const CancellationScope&) = delete;

  // Of this thread; null without.
  static const Cancellation* current() { return current_; }

 private:
  static inline thread_local const Cancellation* current_ = nullptr;
};

}  // namespace remapd
