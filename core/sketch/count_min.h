// Blocked count-min: approximate counts of any number of ids in fixed memory, one cache line an id.
//
// Cormode & Muthukrishnan, "An improved data stream summary: the count-min sketch and its
// applications", J. Algorithms 55 (2005), with three changes:
//  * conservative update (Estan & Varghese, "New directions in traffic measurement and accounting",
//    SIGCOMM 2002): an access raises only those of an id's counters that are below the new
//    estimate;
//  * all counters of an id lie in one line of 64 bytes, any three of its twelve, so an update is
//  one
//    cache miss instead of three;
//  * the rest of the line holds the two hottest ids seen there, by fingerprint and with counts of
//    their own, as in the augmented sketch (Roy, Khan, Alonso, SIGMOD 2016): an id that shares all
//    counters with a hot one, which in a single line is bound to happen, does not get its count.
// As long as nothing was decayed an estimate is never below the true count (up to kMaxCount, where
// counters stop). It is above it by what shares the counters. Those of an id are not independent,
// so the textbook's proof does not apply; Markov's inequality gives: with L lines and N counted
// accesses the error exceeds N / (4 L p) with probability at most p. On skewed streams the mean
// error, over ids and even more over accesses, is well below that of a textbook sketch of the same
// memory (a test holds us to it).
//
// Keys are hashes, not ids: mix64(id), computed once by the caller. The high 32 bits choose the
// line in order, so a sketch whose lines are a multiple of 2^k is partitioned by the hash's top k
// bits: threads that update disjoint partitions do not interfere. The low 32 bits choose the
// counters.
//
// Counters are floats in units that grow as the sketch decays: decay() is O(1), amortised.
// add() and estimate() are O(1). Not thread safe but for the partitions named above.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"

namespace remapd::sketch {

class CountMin {
 public:
  static constexpr std::uint32_t kCountersPerLine = 12;
  static constexpr std::uint32_t kHotPerLine = 2;
  static constexpr std::uint32_t kLineBytes = 64;
  static constexpr std::uint64_t kMaxLines = std::uint64_t{1} << 31;
  // Floats count singly up to here; a counter does not go beyond.
  static constexpr float kMaxCount = 16'777'216.0F;

  // 1 <= lines <= kMaxLines.
  explicit CountMin(std::uint64_t lines);

  // The largest sketch of at most `bytes` bytes, at least one line.
  static CountMin with_bytes(std::uint64_t bytes);

  // As much memory as a textbook sketch takes for an error of at most epsilon * (counted accesses)
  // with probability 1 - delta: ceil(e / epsilon) counters in each of ceil(ln(1 / delta)) rows.
  // 0 < epsilon < 1, 0 < delta < 1.
  static CountMin with_accuracy(double epsilon, double delta);

  std::uint64_t lines() const { return lines_.size(); }
  std::uint64_t counters() const { return lines() * kCountersPerLine; }
  std::uint64_t memory_bytes() const { return lines_.memory_bytes(); }

  void prefetch(std::uint64_t hash) const {
    __builtin_prefetch(&lines_[reduce(hash, line_count_)], 1);
  }

  // Counts n accesses, n >= 0.
  void add(std::uint64_t hash, float n = 1.0F) {
    Line& line = line_of(hash);
    const std::uint32_t key = key_of(hash);
    if (const std::uint32_t hot = hot_place(line, key); hot < kHotPerLine) {
      line.hot_counts[hot] = std::min(line.hot_counts[hot] + n * weight_, kMaxCount * weight_);
    } else {
      raise(line, key, std::min(least(line, key) + n * weight_, kMaxCount * weight_));
    }
  }

  // Makes the estimate at least `count`.
  void raise_to(std::uint64_t hash, double count) {
    Line& line = line_of(hash);
    const std::uint32_t key = key_of(hash);
    const auto to = static_cast<float>(std::min(count, static_cast<double>(kMaxCount)) *
                                       static_cast<double>(weight_));
    if (const std::uint32_t hot = hot_place(line, key); hot < kHotPerLine) {
      line.hot_counts[hot] = std::max(line.hot_counts[hot], to);
    } else if (to > least(line, key)) {
      raise(line, key, to);
    }
  }

  double estimate(std::uint64_t hash) const {
    return static_cast<double>(estimate_in(line_of(hash), key_of(hash))) /
           static_cast<double>(weight_);
  }

  // Multiplies every count by `factor`, 0 <= factor <= 1.
  void decay(double factor);

  // Adds the counts of a sketch of the same number of lines. Never below the true counts of both
  // streams, but not what one sketch of both would hold: conservative updates depend on order, and
  // the sum is an upper bound of it. kInvalidArgument when the sizes differ.
  Result<void> merge(const CountMin& other);

  // Format: docs/formats.md "Count-min sketch", version 1. load() reads into a sketch of the same
  // number of lines, else kConflict; on any error the sketch is left empty.
  void save(ByteWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  struct alignas(kLineBytes) Line {
    float counters[kCountersPerLine];
    float hot_counts[kHotPerLine];  // 0: none
    std::uint32_t hot_keys[kHotPerLine];
  };
  static_assert(sizeof(Line) == kLineBytes);

  // Three places out of twelve, one in each hex digit.
  using Places = std::uint16_t;
  static constexpr std::uint32_t kChoices = 220;  // of 3 out of 12
  static const std::array<Places, kChoices> kPlaces;

  Line& line_of(std::uint64_t hash) { return lines_[reduce(hash, line_count_)]; }
  const Line& line_of(std::uint64_t hash) const { return lines_[reduce(hash, line_count_)]; }
  // What tells the ids of a line apart, and all that chooses their counters.
  static std::uint32_t key_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }
  static Places places(std::uint32_t key) {
    return kPlaces[reduce(std::uint64_t{key} << 32, kChoices)];
  }

  // Where the key is among the hot ones; kHotPerLine if it is not.
  static std::uint32_t hot_place(const Line& line, std::uint32_t key) {
    std::uint32_t h = 0;
    while (h < kHotPerLine && (line.hot_keys[h] != key || line.hot_counts[h] == 0.0F)) ++h;
    return h;
  }
  static float least(const Line& line, std::uint32_t key) {
    const Places at = places(key);
    return std::min(line.counters[at & 15],
                    std::min(line.counters[at >> 4 & 15], line.counters[at >> 8]));
  }
  static float estimate_in(const Line& line, std::uint32_t key) {
    const std::uint32_t hot = hot_place(line, key);
    return hot < kHotPerLine ? line.hot_counts[hot] : least(line, key);
  }
  static void raise_counters(Line& line, std::uint32_t key, float to) {
    const Places at = places(key);
    for (std::uint32_t shift = 0; shift < 12; shift += 4) {
      float& counter = line.counters[at >> shift & 15];
      counter = std::max(counter, to);
    }
  }
  // For a key that is not hot: it takes the place of a colder hot one, which goes back to the
  // counters, or else raises its own counters.
  static void raise(Line& line, std::uint32_t key, float to) {
    const std::uint32_t coldest = line.hot_counts[1] < line.hot_counts[0] ? 1 : 0;
    if (to > line.hot_counts[coldest]) {
      raise_counters(line, line.hot_keys[coldest], line.hot_counts[coldest]);
      line.hot_keys[coldest] = key;
      line.hot_counts[coldest] = to;
    } else {
      raise_counters(line, key, to);
    }
  }
  static void merge_line(Line& line, const Line& other, float scale, float most);
  void clear();

  HugeArray<Line> lines_;
  std::uint32_t line_count_ = 0;
  float weight_ = 1.0F;  // a counter's units per access; grows as the sketch decays
};

}  // namespace remapd::sketch
