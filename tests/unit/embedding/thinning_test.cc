#include "core/embedding/thinning.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kAccesses = 1U << 15;

// Of the first kAccesses - 1 accesses of a node; result[0] is not one of them.
std::vector<std::uint8_t> thinned(Node node, std::uint32_t log2_learned) {
  const std::vector<std::uint32_t> slots(kAccesses, node % 1'000);
  std::vector<std::uint32_t> counts(kAccesses);
  std::iota(counts.begin(), counts.end(), 0U);
  std::vector<std::uint8_t> out(kAccesses);
  thin(node - node % 1'000, slots, counts, log2_learned, out);
  return out;
}

TEST(Thinning, OneOfEveryBlockIsLearnedForAllOfIt) {
  for (const std::uint32_t log2_learned : {5U, 6U}) {
    for (const Node node : {0U, 1U, 12'345U, 4'000'000'000U}) {
      const auto out = thinned(node, log2_learned);
      const std::uint32_t all = 2U << log2_learned;
      for (std::uint32_t count = 1; count < all; ++count) EXPECT_EQ(out[count], 0) << count;
      for (std::uint32_t from = all; from < kAccesses; from *= 2) {
        const std::uint32_t block = from >> log2_learned;
        for (std::uint32_t begin = from; begin < 2 * from; begin += block) {
          const auto first = out.begin() + begin;
          EXPECT_EQ(std::count(first, first + block, kNotLearned), block - 1) << begin;
          EXPECT_EQ(1U << *std::min_element(first, first + block), block) << begin;
        }
      }
    }
  }
}

// However the vectors of a processor fall.
TEST(Thinning, IsTheSameInPieces) {
  Random random(1);
  constexpr std::size_t kCount = 5'000;
  std::vector<std::uint32_t> slots(kCount);
  std::vector<std::uint32_t> counts(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    slots[i] = static_cast<std::uint32_t>(random.below(100'000));
    counts[i] = static_cast<std::uint32_t>(random.below(std::uint64_t{1} << random.below(24)));
  }
  std::vector<std::uint8_t> expected(kCount);
  thin(77, slots, counts, 5, expected);
  std::vector<std::uint8_t> out(kCount);
  for (std::size_t begin = 0; begin < kCount;) {
    const std::size_t count = std::min<std::size_t>(1 + random.below(40), kCount - begin);
    thin(77, std::span(slots).subspan(begin, count), std::span(counts).subspan(begin, count), 5,
         std::span(out).subspan(begin, count));
    begin += count;
  }
  EXPECT_EQ(out, expected);
}

// A stream that repeats itself: of all that is learned every part of the period has its share.
TEST(Thinning, NoPeriodHides) {
  for (std::uint32_t period = 2; period <= 8; ++period) {
    std::vector<double> seen(period);
    double all = 0;
    for (Node node = 0; node < 50; ++node) {
      const auto out = thinned(node * 131, 5);
      for (std::uint32_t count = 1; count < kAccesses; ++count) {
        if (out[count] == kNotLearned) continue;
        seen[count % period] += 1;
        all += 1;
      }
    }
    for (const double share : seen) EXPECT_NEAR(share / all, 1.0 / period, 0.1 / period) << period;
  }
}

TEST(Thinning, WithoutASlotNothingIsLearned) {
  const std::vector<std::uint32_t> slots = {7, sketch::kNoSlot, 7, sketch::kNoSlot};
  const std::vector<std::uint32_t> counts = {1, 0, 2, 5};
  std::vector<std::uint8_t> out(4);
  thin(3, slots, counts, 5, out);
  EXPECT_EQ(out, (std::vector<std::uint8_t>{0, kNotLearned, 0, kNotLearned}));
}

TEST(Thinning, TellsWhichAreLearned) {
  Random random(2);
  for (int round = 0; round < 1'000; ++round) {
    std::array<std::uint8_t, kLearnedMask> stands_for;
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < kLearnedMask; ++i) {
      const bool is_learned = random.below(3) == 0;
      stands_for[i] = is_learned ? static_cast<std::uint8_t>(random.below(32)) : kNotLearned;
      expected |= std::uint64_t{is_learned} << i;
    }
    EXPECT_EQ(learned(stands_for), expected);
    EXPECT_EQ(learned_portable(stands_for), expected);
  }
}

}  // namespace
}  // namespace remapd::embedding
