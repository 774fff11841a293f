// HyperLogLog: an estimate of how many distinct ids a stream has held, in 2^precision bytes.
//
// Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality
// estimation algorithm", AofA 2007; the estimator is Ertl's improved raw estimator ("New
// cardinality estimation algorithms for HyperLogLog sketches", arXiv 1702.01284, section 4), which
// needs neither tables nor a switch to linear counting. Registers are bytes: 2^precision of them,
// relative standard error 1.04 / sqrt(2^precision), 0.8 % at the default.
//
// Keys are hashes: mix64(id), computed once by the caller. Adding an id again changes nothing. The
// top bits choose the register: threads may add hashes of disjoint ranges at the same time.
// Otherwise not thread safe.
//
// add() is O(1), estimate() and merge() are O(2^precision).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::sketch {

class HyperLogLog {
 public:
  static constexpr std::uint32_t kMinPrecision = 10;
  static constexpr std::uint32_t kMaxPrecision = 16;
  static constexpr std::uint32_t kDefaultPrecision = 14;

  // kMinPrecision <= precision <= kMaxPrecision.
  explicit HyperLogLog(std::uint32_t precision = kDefaultPrecision);

  std::uint32_t precision() const { return precision_; }
  std::uint64_t memory_bytes() const { return registers_.size(); }
  double relative_standard_error() const;

  void add(std::uint64_t hash) {
    std::uint8_t& rank = registers_[hash >> (64 - precision_)];
    // The bit set at the end bounds the rank when all remaining bits are zero.
    const std::uint64_t rest = hash << precision_ | std::uint64_t{1} << (precision_ - 1);
    rank = std::max(rank, static_cast<std::uint8_t>(std::countl_zero(rest) + 1));
  }

  double estimate() const;

  // Afterwards equal to a sketch of both streams. kInvalidArgument when the precisions differ.
  Result<void> merge(const HyperLogLog& other);

  // Format: docs/formats.md "HyperLogLog", version 1. load() reads into a sketch of the same
  // precision, else kConflict; on any error the sketch is left empty.
  void save(ByteWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  std::uint32_t precision_;
  std::vector<std::uint8_t> registers_;
};

}  // namespace remapd::sketch
