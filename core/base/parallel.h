// Parallel loops and sorting, on oneTBB's threads or, within a crew, on the crew's (crew.h).
//
// Pieces do not depend on the number of threads; if each piece writes only its own data, neither
// does the result. Calls may nest. An exception of a piece reaches the caller. Work can be
// cancelled between two pieces (cancellation.h). [threads] compute sets the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "core/base/cancellation.h"
#include "core/base/crew.h"

#if defined(__SANITIZE_THREAD__)
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#else
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>
#endif

namespace remapd {

namespace internal {

#if defined(__SANITIZE_THREAD__)

// ThreadSanitizer does not see oneTBB's synchronisation and would report false races.
template <class Fn>
void run_pieces(std::size_t pieces, const Fn& fn) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr thrown;
  const auto work = [&] {
    for (std::size_t piece = next++; piece < pieces; piece = next++) {
      try {
        fn(piece);
      } catch (...) {
        const std::lock_guard lock(mutex);
        thrown = std::current_exception();
        next = pieces;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min<std::size_t>(pieces, 4); ++i) threads.emplace_back(work);
    work();
  }
  if (thrown) std::rethrow_exception(thrown);
}

#else

template <class Fn>
void run_pieces(std::size_t pieces, const Fn& fn) {
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, pieces, 1),
      [&](const tbb::blocked_range<std::size_t>& range) {
        for (std::size_t piece = range.begin(); piece < range.end(); ++piece) fn(piece);
      },
      tbb::simple_partitioner());
}

#endif

}  // namespace internal

// fn(piece) for every piece in [0, pieces), each as a task; worth it for pieces of some
// microseconds or more.
template <class Fn>
void parallel_pieces(std::size_t pieces, Fn&& fn) {
  const auto run_piece = [&fn, cancellation = CancellationScope::current()](std::size_t piece) {
    if (cancellation != nullptr && cancellation->requested()) throw Cancelled();
    fn(piece);
  };
  if (pieces == 1) return run_piece(0);
  if (Crew* crew = Crew::current()) return crew->run(pieces, std::ref(run_piece));
  internal::run_pieces(pieces, run_piece);
}

// fn(); while this thread waits for parallel work of fn it takes no other tasks.
template <class Fn>
void run_isolated(Fn&& fn) {
#if defined(__SANITIZE_THREAD__)
  fn();
#else
  tbb::this_task_arena::isolate(std::forward<Fn>(fn));
#endif
}

// fn(begin, end) over [0, count) in pieces of `grain`, the last one shorter.
template <class Fn>
void parallel_ranges(std::size_t count, std::size_t grain, Fn&& fn) {
  parallel_pieces((count + grain - 1) / grain, [&](std::size_t piece) {
    fn(piece * grain, std::min(count, (piece + 1) * grain));
  });
}

// Sorts by `less`, which must be a strict total order, so that the result is unique. O(n log n).
template <class T, class Less>
void parallel_sort(std::vector<T>& values, Less less) {
#if !defined(__SANITIZE_THREAD__)
  if (Crew::current() == nullptr) return tbb::parallel_sort(values.begin(), values.end(), less);
#endif
  // Runs of equal length, sorted and then merged two by two.
  constexpr std::size_t kFew = 8'192;
  std::size_t runs = 1;
  while (runs < 16 && values.size() / runs > kFew) runs *= 2;
  const auto begin_of = [&](std::size_t run) {
    return values.begin() + static_cast<std::ptrdiff_t>(run * values.size() / runs);
  };
  parallel_pieces(runs,
                  [&](std::size_t run) { std::sort(begin_of(run), begin_of(run + 1), less); });
  for (std::size_t width = 1; width < runs; width *= 2) {
    parallel_pieces(runs / (2 * width), [&](std::size_t pair) {
      const std::size_t first = 2 * width * pair;
      std::inplace_merge(begin_of(first), begin_of(first + width), begin_of(first + 2 * width),
                         less);
    });
  }
}

}  // namespace remapd
