// The prequential protocol (evaluation/prequential.h) for each contender of the runner.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/result.h"
#include "core/base/types.h"
#include "evaluation/event_log.h"
#include "evaluation/online_mapper.h"
#include "evaluation/prequential.h"
#include "tests/quality/contender.h"
#include "tests/quality/progress.h"

namespace remapd::quality {

struct ContenderOptions {
  double rows_share = 0.1;                // of the distinct ids, see table_budget()
  std::optional<FeatureIndex> negatives;  // the column that negatives replace; none: no negatives
  bool migrate = true;                    // false: swap mappings and leave the rows as they are
  evaluation::MapperSettings mapper;
};

struct ContenderFigures : evaluation::PrequentialFigures {
  double seconds = 0;
};

// All randomness follows from the seed.
Result<ContenderFigures> run_prequential(const evaluation::EventLog& log,
                                         const Contender& contender,
                                         const ContenderOptions& options, std::uint64_t seed,
                                         Progress& progress);

}  // namespace remapd::quality
