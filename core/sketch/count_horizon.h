// Which half-life of counts fits a stream: how fast what was counted loses its worth for what comes
// next.
//
// Of one slot in 64 the accesses since the last tick are predicted from counts with each half-life
// of kHalfLives, as shares of the slots' sum, except those of ids that are new; the half-life of
// the highest likelihood over recent ticks is the table's. Shorter ones must be better beyond
// chance. kNever on a stream that stays as it is, and until enough has been predicted.
//
//   CountHorizon horizon(slots);
//   at each tick, before counts decay: horizon.predict(ids); ids.decay(horizon.decay());
//   for slots that ids were evicted from, then: horizon.forget(slots);
//
// Less than half a byte a slot. O(slots / 64) a tick. Not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/sketch/tracked_ids.h"

namespace remapd::sketch {

class CountHorizon {
 public:
  // In ticks.
  static constexpr double kNever = 0;
  static constexpr std::array<double, 4> kHalfLives = {kNever, 256, 64, 16};

 private:
  static constexpr Slot kSampled = 64;
  struct Counts {
    float at_last_tick = 0;  // as ids have it
    std::array<float, kHalfLives.size()> by_half_life{};
    bool operator==(const Counts&) const = default;
  };

 public:
  explicit CountHorizon(std::uint32_t slots);

  // The ids' counts, not decayed since the last call other than by decay().
  void predict(const TrackedIds& ids);
  void forget(std::span<const Slot> slots);

  // In ticks.
  double half_life() const { return kHalfLives[chosen_]; }
  // Of the counts at a tick.
  double decay() const;

  // Of so many slots.
  static std::uint64_t bytes(std::uint64_t slots) {
    return (slots + kSampled - 1) / kSampled * sizeof(Counts);
  }
  std::uint64_t memory_bytes() const { return counts_.size() * sizeof(Counts); }
  void save(ByteWriter& out) const;
  // kCorrupt: not of as many slots.
  Result<void> load(ByteReader& in);

 private:
  std::vector<Counts> counts_;  // of every 64th slot
  // Recent log-likelihoods, of each half-life above that of kNever.
  std::array<double, kHalfLives.size()> gain_{};
  std::uint32_t chosen_ = 0;
};

}  // namespace remapd::sketch
