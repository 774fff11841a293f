#include "core/sketch/count_horizon.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::sketch {
namespace {

constexpr std::uint32_t kIds = 8'192;
constexpr std::size_t kTickAccesses = 40'000;

// A store and its horizon over a stream in which id i is accessed like id (i + shift) % kIds of a
// skewed one.
class Stream {
 public:
  Stream() : ids_(kIds), horizon_(ids_.slot_count()) {
    for (Id id = 0; id < kIds; ++id) access(id);
  }

  void tick(std::uint32_t shift) {
    for (std::size_t i = 0; i < kTickAccesses; ++i) {
      const auto rank = static_cast<std::uint32_t>(kIds * std::pow(random_.uniform(), 3));
      access(mix64(rank + shift) % kIds);
    }
    std::vector<Slot> evicted;
    horizon_.predict(ids_);
    ids_.fold(horizon_.decay(), evicted);
    horizon_.forget(evicted);
  }
  const CountHorizon& horizon() const { return horizon_; }
  CountHorizon& horizon() { return horizon_; }

 private:
  void access(Id id) {
    std::vector<Slot> slots(1);
    std::vector<Slot> admitted;
    ids_.admit({&id, 1}, slots, admitted);
    ids_.add(slots[0]);
  }

  TrackedIds ids_;
  CountHorizon horizon_;
  Random random_{7};
};

TEST(CountHorizon, IsNeverWhereTheStreamStaysAsItIs) {
  Stream stream;
  for (int t = 0; t < 60; ++t) {
    stream.tick(0);
    EXPECT_EQ(stream.horizon().half_life(), CountHorizon::kNever) << t;
    EXPECT_EQ(stream.horizon().decay(), 1.0);
  }
}

TEST(CountHorizon, IsShortWhereOtherIdsBecomeFrequent) {
  Stream stream;
  for (std::uint32_t t = 0; t < 120; ++t) stream.tick(t / 20 * 1'000);
  EXPECT_EQ(stream.horizon().half_life(), 16);
  EXPECT_NEAR(std::pow(stream.horizon().decay(), 16), 0.5, 1e-9);
}

TEST(CountHorizon, GoesOnFromASavedState) {
  Stream stream;
  Stream restored;
  for (std::uint32_t t = 0; t < 40; ++t) {
    stream.tick(t / 10 * 1'000);
    restored.tick(t / 10 * 1'000);
  }
  ByteWriter out;
  stream.horizon().save(out);
  restored.horizon() = CountHorizon(TrackedIds(kIds).slot_count());
  ByteReader in(out.bytes());
  ASSERT_TRUE(restored.horizon().load(in));
  EXPECT_EQ(in.remaining(), 0U);
  for (std::uint32_t t = 40; t < 60; ++t) {
    stream.tick(t / 10 * 1'000);
    restored.tick(t / 10 * 1'000);
    EXPECT_EQ(restored.horizon().half_life(), stream.horizon().half_life()) << t;
  }
  ByteWriter of_both[2];
  stream.horizon().save(of_both[0]);
  restored.horizon().save(of_both[1]);
  EXPECT_EQ(of_both[0].bytes(), of_both[1].bytes());

  CountHorizon larger(4 * kIds);
  ByteReader again(out.bytes());
  EXPECT_FALSE(larger.load(again));
  CountHorizon cut_short(TrackedIds(kIds).slot_count());
  ByteReader part(ByteView(out.bytes()).first(20));
  EXPECT_FALSE(cut_short.load(part));
}

TEST(CountHorizon, TakesLittleMemory) {
  EXPECT_LT(CountHorizon(1'000'000).memory_bytes(), 500'000U);
  EXPECT_EQ(CountHorizon(1'000).memory_bytes(), CountHorizon::bytes(1'000));
}

}  // namespace
}  // namespace remapd::sketch
