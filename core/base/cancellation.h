// Calling off work that another thread is at.
//
//   thread A:  const CancellationScope scope(cancellation);  work();  // throws Cancelled
//   thread B:  cancellation.request();
//
// Within a scope, parallel_pieces() and its kin (parallel.h), when called by the scope's thread,
// end between two pieces with Cancelled once it was requested; what lies between them is not ended.
// So work must leave nothing half done that outlives it when it is left by an exception.
#pragma once

#include <atomic>

namespace remapd {

// Thrown by work that was called off.
struct Cancelled {};

// Thread safe. Once requested it stays so.
class Cancellation {
 public:
  void request() { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> requested_ = false;
};

// Of the thread that makes it, as long as it lives. Scopes do not nest.
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
