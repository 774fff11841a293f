// Crew: threads for background work that must not delay the rest of the process. They are scheduled
// with SCHED_IDLE (sched(7)): they run only on processor time that no other thread wants. (Threads
// of oneTBB finish a task before they take another, and nice alone delays threads that wake up
// often by milliseconds.) If work() takes longer than `patience`, one more thread with normal
// scheduling helps, so that it ends on a machine without idle time.
//
//   crew.work([&] { parallel_pieces(n, fn); });   // within work() parallel.h uses the crew
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace remapd {

class Crew {
 public:
  // `threads` >= 1, not counting the one that helps after `patience`. Where the system refuses
  // SCHED_IDLE they run with normal scheduling.
  explicit Crew(std::size_t threads,
                std::chrono::steady_clock::duration patience = std::chrono::seconds(30));
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Runs fn() on a thread of the crew and waits for it. Rethrows what fn throws. One call at a
  // time.
  void work(const std::function<void()>& fn);

  // The crew that this thread is of; null for others.
  static Crew* current() { return current_; }

  // fn(piece) for every piece in [0, pieces), on this thread and the idle ones of the crew; returns
  // when all are done. May be called from within a piece. Rethrows the first exception; pieces not
  // begun by then are left out.
  void run(std::size_t pieces, const std::function<void(std::size_t)>& fn);

 private:
  struct Job;

  void finish(Job& job);
  Job* find_job();
  void help();
  void help_if_it_lasts();
  void help_with(Job& job, std::unique_lock<std::mutex>& lock);

  static thread_local Crew* current_;

  const std::chrono::steady_clock::duration patience_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point began_;  // work() did
  std::condition_variable wanted_;               // there is a job, or nothing more is to come
  std::condition_variable done_;                 // a thread of the crew has left a job
  std::vector<Job*> jobs_;                       // under way; the newest last
  bool over_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace remapd
