// Blocked count-min: approximate counts of any number of ids in fixed memory, one cache line an id.
//
// Cormode & Muthukrishnan, "An improved data stream summary: the count-min sketch and its
// applications", J. Algorithms 55 (2005), with two changes:
//  * conservative update (Estan & Varghese, "New directions in traffic measurement and accounting",
//    SIGCOMM 2002): an access raises only those of an id's counters that are below the new
//    estimate;
//  * all counters of an id lie in one 64-byte line (16 counters in 4 groups, one of each group), so
//    an update is one cache miss instead of four.
// An estimate is never below the true count as long as nothing was decayed (up to kMaxCount, where
// counters stop), and above it by what shares the line. Because an id's counters share a line, the
// textbook's proof for independent rows does not apply; Markov's inequality gives: with L lines and
// N counted accesses the error exceeds N / (4 L p) with probability at most p. On the skewed
// streams this is for it is well below the error of a textbook sketch of the same memory (tested,
// and measured by tests/bench).
//
// Keys are hashes, not ids: mix64(id), computed once by the caller. The high 32 bits choose the
// line in order, so a sketch whose lines are a multiple of 2^k is partitioned by the hash's top k
// bits: threads that update disjoint partitions do not interfere.
//
// Counters are floats in units that grow as the sketch decays: decay() is O(1), amortised.
// add() and estimate() are O(1). Not thread safe but for the partitions named above.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"

namespace remapd::sketch {

class CountMin {
 public:
  static constexpr std::uint32_t kCountersPerLine = 16;
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
    Line& line = lines_[reduce(hash, line_count_)];
    const Places at = places(hash);
    const float raised = std::min(least(line, at) + n * weight_, kMaxCount * weight_);
    raise(line, at, raised);
  }

  // Makes the estimate at least `count`.
  void raise_to(std::uint64_t hash, double count) {
    const double scaled = std::min(count, static_cast<double>(kMaxCount)) * weight_;
    raise(lines_[reduce(hash, line_count_)], places(hash), static_cast<float>(scaled));
  }

  double estimate(std::uint64_t hash) const {
    const Line& line = lines_[reduce(hash, line_count_)];
    return static_cast<double>(least(line, places(hash))) / static_cast<double>(weight_);
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
  };
  struct Places {
    std::uint32_t i[4];
  };

  static Places places(std::uint64_t hash) {
    const auto bits = static_cast<std::uint32_t>(hash >> 16);
    return {{bits & 3, 4 + (bits >> 2 & 3), 8 + (bits >> 4 & 3), 12 + (bits >> 6 & 3)}};
  }
  static float least(const Line& line, const Places& at) {
    return std::min(std::min(line.counters[at.i[0]], line.counters[at.i[1]]),
                    std::min(line.counters[at.i[2]], line.counters[at.i[3]]));
  }
  static void raise(Line& line, const Places& at, float to) {
    for (const std::uint32_t i : at.i) line.counters[i] = std::max(line.counters[i], to);
  }
  void clear();

  HugeArray<Line> lines_;
  std::uint32_t line_count_ = 0;
  float weight_ = 1.0F;  // a counter's units per access; grows as the sketch decays
};

}  // namespace remapd::sketch
