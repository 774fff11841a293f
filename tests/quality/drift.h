// How well a mapper that has seen much of one stream follows another.
//
// Two streams are made of one log. B is the log in a random order. A is the same, but every id of
// one feature, the permuted one, has the history of another id: an id that has been learned from A
// behaves in B like an id it never had to do with. The mapper, remapd's engine, takes in A some
// times over, publishing as the daemon does, and goes on with B. Models start afresh with B, so
// what they lose is the mapping's fault alone; figures are over the second half of B, as shares of
// the gap between a hashed and a full table over the same samples.
//
// 0 times A is a fresh daemon on a stream without drift: what the others are compared with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "evaluation/event_log.h"
#include "tests/quality/prequential.h"

namespace remapd::quality {

struct DriftOptions {
  FeatureIndex permuted;
  std::vector<std::uint32_t> repeats;  // of A, a run for each
  ContenderOptions contender;          // `migrate` as there
};

struct DriftFigures {
  std::uint32_t repeats = 0;
  double normalised_entropy = 0;  // these three: of the mapped tables, the full and the hashed ones
  double full = 0;
  double hash = 0;
  double gap_closed = 0;
  double moved_median = 0;  // over the versions published in the second half of B
  double seconds = 0;
};

// Tells the figures of each of `options.repeats`, as soon as they are known. All randomness follows
// from the seed. kInvalidArgument without labels or negatives to predict.
Result<void> run_drift(const evaluation::EventLog& log, const DriftOptions& options,
                       std::uint64_t seed, Progress& progress,
                       const std::function<void(const DriftFigures&)>& tell);

}  // namespace remapd::quality
