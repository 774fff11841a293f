// The prequential protocol: predict, then learn, event by event in the order of the log, on tables
// that are remapped on the way as the daemon would remap them. No event is seen before it has been
// predicted, neither by the model nor by the mapping.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "tests/quality/contender.h"
#include "tests/quality/event_log.h"
#include "tests/quality/online_mapper.h"
#include "tests/quality/progress.h"

namespace remapd::quality {

// The share of the samples that only warms up: figures are over those after it.
inline constexpr double kWarmUpShare = 0.2;

struct PrequentialOptions {
  double rows_share = 0.1;                // of the distinct ids, see table_budget()
  std::optional<FeatureIndex> negatives;  // the column that negatives replace; none: no negatives
  bool migrate = true;                    // false: swap mappings and leave the rows as they are
  MapperSettings mapper;
};

struct PrequentialFigures {
  double normalised_entropy = 0;
  double log_loss = 0;
  double auc = 0;
  std::uint64_t rows = 0;      // of all tables
  std::uint64_t versions = 0;  // published
  // Over the versions published after the warm-up; NaN if there are none.
  double moved_median = 0;  // Publication::moved
  double moved_mean = 0;
  double rerouted_median = 0;  // Publication::rerouted
  double seconds = 0;
};

// All randomness follows from the seed.
Result<PrequentialFigures> run_prequential(const EventLog& log, const Contender& contender,
                                           const PrequentialOptions& options, std::uint64_t seed,
                                           Progress& progress);

}  // namespace remapd::quality
