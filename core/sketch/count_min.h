// Blocked count-min sketch: approximate counts of any number of ids in fixed memory. An access
// touches one cache line.
//
// Cormode & Muthukrishnan, "An improved data stream summary: the count-min sketch and its
// applications", J. Algorithms 55 (2005), with three changes:
//  * conservative update (Estan & Varghese, "New directions in traffic measurement and accounting",
//    SIGCOMM 2002): an access raises only those of an id's counters that are below the new
//    estimate;
//  * the three counters of an id lie in one 64-byte line of twelve, so that an update costs one
//    cache miss instead of three;
//  * the rest of the line holds the two hottest ids of the line, by fingerprint and with counts of
//    their own, as in the augmented sketch (Roy, Khan, Alonso, SIGMOD 2016): an id that shares all
//    three counters with a hot id does not inherit its count.
//
// Guarantees. Without decay an estimate is never below the true count (up to kMaxCount, where
// counters saturate). With L lines and N counted accesses it is too high by more than N / (4 L p)
// with probability at most p (Markov's inequality; the textbook's bound needs independent counters,
// which one line does not give). On skewed streams the mean error is below that of a textbook
// sketch of the same memory; count_min_test.cc compares the two.
//
// Keys are hashes, not ids: mix64(id), computed once by the caller. The high 32 bits choose the
// line, in order; the low 32 bits choose the counters. If the number of lines is a multiple of 2^k,
// the top k bits of the hash partition the sketch: threads may add to different partitions at the
// same time. Otherwise not thread safe.
//
// add() and estimate() are O(1); decay() is amortised O(1).
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

  // The memory of a textbook sketch whose error is at most epsilon * (counted accesses) with
  // probability 1 - delta: ceil(e / epsilon) counters in each of ceil(ln(1 / delta)) rows.
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

  // Adds the counts of a sketch with the same number of lines, O(lines). Estimates are then never
  // below the true counts of both streams together, but may exceed those of one sketch that saw
  // both: conservative updates depend on order. kInvalidArgument when the sizes differ.
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
  // For a key that is not hot: replaces the colder of the two hot keys, whose count returns to its
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
