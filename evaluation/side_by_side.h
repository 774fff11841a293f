// Several prequential runs over one log at the same time: every stretch of it is taken by all of
// them, in parallel, before the next. Figures are those of running one after another.
#pragma once

#include <functional>
#include <span>

#include "evaluation/prequential.h"

namespace remapd::evaluation {

// Advances all runs, which are over the same log with the same options, to its end. `progress` is
// told the share of the samples that is done, in [0, 1], after each stretch.
void run_side_by_side(std::span<Prequential> runs, const std::function<void(double)>& progress);

}  // namespace remapd::evaluation
