#include "core/base/crew.h"

#include <algorithm>
#include <atomic>
#include <exception>

#include <sched.h>

#include "core/base/check.h"

namespace remapd {

thread_local Crew* Crew::current_ = nullptr;

// On the stack of who waits for it: others may touch it while they are counted in `helpers`.
struct Crew::Job {
  const std::function<void(std::size_t)>& fn;
  const std::size_t pieces;
  std::atomic<std::size_t> next = 0;
  std::size_t helpers = 0;         // at it now; under the crew's mutex, as is
  std::exception_ptr thrown = {};  // by one of them

  bool has_pieces() const { return next.load(std::memory_order_relaxed) < pieces; }
  // What a piece threw, if one did; pieces not begun by then are left out.
  std::exception_ptr take_pieces() {
    try {
      for (std::size_t piece = next++; piece < pieces; piece = next++) fn(piece);
      return {};
    } catch (...) {
      next = pieces;
      return std::current_exception();
    }
  }
};

Crew::Crew(std::size_t threads, std::chrono::steady_clock::duration patience)
    : patience_(patience) {
  REMAPD_CHECK(threads > 0, "a crew has a thread");
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { help(); });
  threads_.emplace_back([this] { help_if_it_lasts(); });
}

Crew::~Crew() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Crew::work(const std::function<void()>& fn) {
  const std::function<void(std::size_t)> piece = [&](std::size_t) { fn(); };
  Job job{.fn = piece, .pieces = 1};
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(&job);
    began_ = std::chrono::steady_clock::now();
  }
  wanted_.notify_all();
  finish(job);
  if (job.thrown) std::rethrow_exception(job.thrown);
}

void Crew::run(std::size_t pieces, const std::function<void(std::size_t)>& fn) {
  Job job{.fn = fn, .pieces = pieces};
  if (pieces > 1) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(&job);
    }
    wanted_.notify_all();
  }
  const std::exception_ptr thrown = job.take_pieces();
  finish(job);
  if (thrown) std::rethrow_exception(thrown);
  if (job.thrown) std::rethrow_exception(job.thrown);
}

void Crew::finish(Job& job) {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return !job.has_pieces() && job.helpers == 0; });
  std::erase(jobs_, &job);
}

// Under the mutex: the newest that still has pieces, for others may wait for it within theirs.
Crew::Job* Crew::find_job() {
  const auto found =
      std::find_if(jobs_.rbegin(), jobs_.rend(), [](const Job* job) { return job->has_pieces(); });
  return found == jobs_.rend() ? nullptr : *found;
}

void Crew::help() {
  current_ = this;
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);  // of this thread alone
  std::unique_lock lock(mutex_);
  for (;;) {
    Job* job = nullptr;
    wanted_.wait(lock, [&] { return (job = find_job()) != nullptr || over_; });
    if (job == nullptr) return;
    help_with(*job, lock);
  }
}

void Crew::help_if_it_lasts() {
  current_ = this;
  std::unique_lock lock(mutex_);
  for (;;) {
    Job* job = nullptr;
    wanted_.wait(lock, [&] { return (job = find_job()) != nullptr || over_; });
    if (job == nullptr) return;
    const auto late = began_ + patience_;
    if (std::chrono::steady_clock::now() < late) {
      wanted_.wait_until(lock, late, [&] { return over_; });
      if (over_) return;
    } else {
      help_with(*job, lock);
    }
  }
}

void Crew::help_with(Job& job, std::unique_lock<std::mutex>& lock) {
  ++job.helpers;
  lock.unlock();
  const std::exception_ptr thrown = job.take_pieces();
  lock.lock();
  if (thrown) job.thrown = thrown;
  if (--job.helpers == 0) done_.notify_all();
}

}  // namespace remapd
