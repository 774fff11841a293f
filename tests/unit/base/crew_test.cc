#include "core/base/crew.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

#include "core/base/parallel.h"
#include "core/base/random.h"

namespace remapd {
namespace {

TEST(Crew, DoesEveryPieceOnce) {
  for (const std::size_t threads : {1U, 2U, 5U}) {
    Crew crew(threads);
    for (const std::size_t pieces : {0U, 1U, 2U, 1000U}) {
      std::vector<std::atomic<int>> done(pieces);
      crew.run(pieces, [&](std::size_t piece) { ++done[piece]; });
      for (const auto& times : done) EXPECT_EQ(times, 1);
    }
  }
}

TEST(Crew, TakesTheParallelPiecesOfItsWorkAlsoFromWithinPieces) {
  Crew crew(3);
  std::atomic<int> done = 0;
  std::atomic<int> elsewhere = 0;
  crew.work([&] {
    EXPECT_EQ(Crew::current(), &crew);
    parallel_pieces(20, [&](std::size_t) {
      if (Crew::current() != &crew) ++elsewhere;
      parallel_ranges(100, 7, [&](std::size_t begin, std::size_t end) {
        if (Crew::current() != &crew) ++elsewhere;
        done += static_cast<int>(end - begin);
      });
    });
  });
  EXPECT_EQ(done, 2000);
  EXPECT_EQ(elsewhere, 0);
  EXPECT_EQ(Crew::current(), nullptr);
}

// Both pieces of the outer work are held up until the threads that have no piece of it have come to
// help with the inner one.
TEST(Crew, WhoIsFreeHelpsWithinPieces) {
  Crew crew(4);
  crew.work([&] {
    parallel_pieces(2, [&](std::size_t) {
      std::mutex mutex;
      std::set<std::thread::id> seen;
      const auto enough = [&] {
        const std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
        return seen.size() >= 2;
      };
      parallel_pieces(2, [&](std::size_t) {
        while (!enough()) std::this_thread::yield();
      });
    });
  });
}

TEST(Crew, AnExceptionReachesTheCallerAndTheCrewGoesOn) {
  Crew crew(3);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(crew.work([] { throw std::runtime_error("the work"); }), std::runtime_error);
    EXPECT_THROW(crew.run(100,
                          [&](std::size_t piece) {
                            if (piece == 37) throw std::runtime_error("a piece");
                          }),
                 std::runtime_error);
  }
  std::atomic<int> done = 0;
  crew.run(100, [&](std::size_t) { ++done; });
  EXPECT_EQ(done, 100);
}

TEST(Crew, WorksOnWhatIsLeftOfTheProcessorsAndNobodyElseDoes) {
  const int before = ::sched_getscheduler(0);
  ASSERT_NE(before, SCHED_IDLE);
  Crew crew(2);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  crew.work([&] {
    parallel_pieces(2, [&](std::size_t) {  // one for each: they wait for each other
      EXPECT_EQ(::sched_getscheduler(0), SCHED_IDLE);
      const auto both_are_here = [&] {
        const std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
        return seen.size() == 2;
      };
      while (!both_are_here()) std::this_thread::yield();
    });
  });
  EXPECT_EQ(seen.count(std::this_thread::get_id()), 0U);
  EXPECT_EQ(::sched_getscheduler(0), before);
}

// As many pieces as threads, which wait for each other: the one that has no more patience is there.
TEST(Crew, WorkThatLastsGetsAThreadAsAnyOther) {
  const int before = ::sched_getscheduler(0);
  Crew crew(1, std::chrono::milliseconds(20));
  for (int round = 0; round < 3; ++round) {
    std::mutex mutex;
    std::set<std::thread::id> seen;
    std::set<int> policies;
    crew.work([&] {
      parallel_pieces(2, [&](std::size_t) {
        const auto both_are_here = [&] {
          const std::lock_guard lock(mutex);
          seen.insert(std::this_thread::get_id());
          policies.insert(::sched_getscheduler(0));
          return seen.size() == 2;
        };
        while (!both_are_here()) std::this_thread::yield();
      });
    });
    EXPECT_EQ(policies, (std::set<int>{before, SCHED_IDLE}));
  }
}

TEST(Crew, SortsAsOthersDo) {
  Crew crew(2);
  Random random(1);
  for (const std::size_t size : {0U, 1U, 100U, 20'000U, 300'001U}) {
    std::vector<std::uint64_t> values(size);
    for (std::uint64_t& value : values) value = random.below(size / 2 + 1) << 32 | random.below(7);
    std::vector<std::uint64_t> expected = values;
    std::sort(expected.begin(), expected.end());
    crew.work([&] { parallel_sort(values, std::less<>()); });
    EXPECT_EQ(values, expected) << size;
  }
}

}  // namespace
}  // namespace remapd
