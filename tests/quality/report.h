// Prints the runner's results to stdout, a line per strategy, or per run of another kind, as soon
// as it is known: as JSON objects or as a table for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/quality/progress.h"

namespace remapd::quality {

// One measured quantity over the seeds that were run.
struct Figure {
  enum class Kind { kCount, kRatio, kSeconds };

  std::string name;
  Kind kind = Kind::kRatio;
  std::vector<double> by_seed;  // NaN: not measured
  bool spread = false;          // whether the deviation over the seeds is shown too
};

class Report {
 public:
  // `progress` is cleared before each line.
  Report(bool json, Progress& progress) : json_(json), progress_(progress) {}

  // `strategy`: empty where lines are not of strategies. Figures have the same names and order in
  // every call. JSON: the mean of each figure under its name, null where nothing was measured, and
  // with several seeds the sample deviation of those with a spread under name + "_sd".
  void add(const std::string& strategy, const std::vector<Figure>& figures);

 private:
  bool json_;
  bool header_printed_ = false;
  Progress& progress_;
};

}  // namespace remapd::quality
