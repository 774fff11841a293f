// A training run's result for people, or as JSON.
//
// Pure.
#pragma once

#include <string>

#include "examples/click_trainer/training.h"

namespace remapd::click_trainer {

// A few lines, ending in a newline.
std::string report_text(const TrainingResult& result);

// One object on one line; what was not measured is null.
std::string report_json(const TrainingResult& result);

}  // namespace remapd::click_trainer
