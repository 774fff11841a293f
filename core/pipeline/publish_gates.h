// The gates: what a built version must pass before it is published.
//
//   min_samples  at least so many samples were taken in
//   max_churn    at most this share of the traffic changes its row against the incumbent
//   self_check   the encoded artifact looks up every id of the mapping to its row, and other ids to
//                their fallback row
//
// Pure; safe on any thread. O(ids).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/mapping/mapping.h"
#include "core/pipeline/engine.h"

namespace remapd::pipeline {

struct GateLimits {
  std::uint64_t min_samples = 0;
  double max_churn = 1;  // share of traffic, 0 .. 1; 1: any
};

enum class Gate : std::uint8_t { kMinSamples = 0, kMaxChurn = 1, kSelfCheck = 2 };
inline constexpr std::size_t kGates = 3;
std::string_view to_string(Gate gate);

struct GateResult {
  bool passed = false;
  std::string finding;  // what was found, what was expected, and the key that sets it
};

struct GateReport {
  std::array<GateResult, kGates> results;  // by Gate

  const GateResult& of(Gate gate) const { return results[static_cast<std::size_t>(gate)]; }
  bool passed() const;
  // The findings of the gates that were not passed, "; " between them; empty if all were.
  std::string objections() const;
};

// `samples`: what the engine had taken in when the build began. `artifact`: the encoded
// outcome.mapping.
GateReport check_gates(const GateLimits& limits, std::uint64_t samples, const BuildOutcome& outcome,
                       ByteView artifact);
// The same of an increment. `apply_and_check` is called if the version passes the limits: empty, or
// why not all ids that change look up to their rows.
GateReport check_gates(const GateLimits& limits, std::uint64_t samples, const BuildOutcome& outcome,
                       const std::function<std::string()>& apply_and_check);

// The self-check alone: empty, or the first disagreement in words.
std::string self_check(const mapping::Mapping& mapping, ByteView artifact);

}  // namespace remapd::pipeline
