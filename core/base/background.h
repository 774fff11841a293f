// Background: runs one function concurrently with its owner, on an idle thread of oneTBB's arena,
// or on the owner's thread when it waits in finish().
//
//   background.start([&] { work(); });  ...  background.finish();
//
// Not thread safe: start() and finish() belong to one owner, in one arena.
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
    } catch (...) {  // a destructor cannot report it
    }
  }

  bool under_way() const { return under_way_; }

  // Begins fn(); not while another one is under way. What fn uses must not be touched until
  // finish().
  template <class Fn>
  void start(Fn&& fn) {
    under_way_ = true;
    run(std::forward<Fn>(fn));
  }

  // Waits for fn(), running it on this thread if it has not begun; returns at once if nothing is
  // under way. Rethrows what fn threw.
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
