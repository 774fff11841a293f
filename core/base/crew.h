// A crew: threads of their own for work that must not hold up the rest of the process. They run on
// processor time that is left over (SCHED_IDLE, sched(7)), so whoever else wants a processor has it
// at once. oneTBB's threads, which everybody shares, would have to finish what they are at; and a
// low priority alone (nice) makes those wait for milliseconds who wake up often.
//
// Where nothing is left over, for other processes take it all, work must come to an end all the
// same: once it has taken longer than `patience` a thread as any other helps with it.
//
// Work is brought to it by parallel_pieces() and its kin (parallel.h): within work(), and in what
// the crew does for it, they use the crew instead of oneTBB.
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
  // threads >= 1, and the one that has patience. Where the system refuses them what they are for
  // they run as any others.
  explicit Crew(std::size_t threads,
                std::chrono::steady_clock::duration patience = std::chrono::seconds(30));
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // fn() on a thread of the crew, while this one waits. What fn throws reaches the caller.
  void work(const std::function<void()>& fn);

  // The crew that this thread is of; null for others.
  static Crew* current() { return current_; }

  // fn(piece) for every piece in [0, pieces), by this thread and whoever of the crew is free;
  // returns when all are done. From within a piece, too. The first exception reaches the caller;
  // the pieces that nobody has begun are then left out.
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
