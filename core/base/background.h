// Background: one piece of work that goes on while its owner does something else: on a thread of
// oneTBB's arena that has nothing to do, else on the owner's when it waits for it.
//
// Not thread safe: for one owner, who starts and finishes in the same arena.
#pragma once

#include <utility>

#if defined(__SANITIZE_THREAD__)
#include <exception>
#include <thread>
#else
#include <tbb/task_group.h>
#endif

namespace remapd {

class Background {
 public:
  Background() = default;
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() {
    try {
      finish();
    } catch (...) {  // nobody is left to tell
    }
  }

  bool under_way() const { return under_way_; }

  // fn(); not while something is under way. Memory that fn uses belongs to it until finish().
  template <class Fn>
  void start(Fn&& fn) {
    under_way_ = true;
    run(std::forward<Fn>(fn));
  }

  // Returns when it is done, at once if nothing is under way; the caller helps. What fn threw
  // reaches the caller.
  void finish() {
    if (!std::exchange(under_way_, false)) return;
    wait();
  }

 private:
#if defined(__SANITIZE_THREAD__)
  // As in parallel.h: plain threads show the races there are.
  template <class Fn>
  void run(Fn&& fn) {
    thrown_ = nullptr;
    thread_ = std::thread([this, fn = std::forward<Fn>(fn)] {
      try {
        fn();
      } catch (...) {
        thrown_ = std::current_exception();
      }
    });
  }
  void wait() {
    thread_.join();
    if (thrown_) std::rethrow_exception(thrown_);
  }

  std::thread thread_;
  std::exception_ptr thrown_;
#else
  template <class Fn>
  void run(Fn&& fn) {
    group_.run(std::forward<Fn>(fn));
  }
  void wait() {
    group_.wait();
  }

  tbb::task_group group_;
#endif
  bool under_way_ = false;
};

}  // namespace remapd
