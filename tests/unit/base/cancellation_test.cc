#include "core/base/cancellation.h"

#include <atomic>

#include <gtest/gtest.h>

#include "core/base/crew.h"
#include "core/base/parallel.h"

namespace remapd {
namespace {

constexpr std::size_t kPieces = 10'000;

// How many pieces are run when the first calls the rest off.
int run_and_cancel() {
  Cancellation cancellation;
  std::atomic<int> run = 0;
  const CancellationScope scope(cancellation);
  EXPECT_THROW(parallel_pieces(kPieces,
                               [&](std::size_t) {
                                 ++run;
                                 cancellation.request();
                               }),
               Cancelled);
  EXPECT_THROW(parallel_pieces(1, [&](std::size_t) { ++run; }), Cancelled) << "nor anything after";
  return run;
}

TEST(Cancellation, LeavesOutThePiecesThatHaveNotBegun) {
  EXPECT_LT(run_and_cancel(), 100);
}

TEST(Cancellation, OfACrewsWorkToo) {
  Crew crew(2);
  int run = 0;
  crew.work([&] { run = run_and_cancel(); });
  EXPECT_LT(run, 100);
  EXPECT_THROW(crew.work([&] { throw Cancelled(); }), Cancelled) << "it reaches who waits";
}

TEST(Cancellation, EndsNothingOutsideItsScope) {
  Cancellation cancellation;
  cancellation.request();
  std::atomic<std::size_t> run = 0;
  { const CancellationScope scope(cancellation); }
  parallel_pieces(kPieces, [&](std::size_t) { ++run; });
  EXPECT_EQ(run, kPieces);
}

TEST(Cancellation, NotRequestedChangesNothing) {
  const Cancellation cancellation;
  const CancellationScope scope(cancellation);
  std::atomic<std::size_t> run = 0;
  parallel_pieces(kPieces, [&](std::size_t) { ++run; });
  EXPECT_EQ(run, kPieces);
}

}  // namespace
}  // namespace remapd
