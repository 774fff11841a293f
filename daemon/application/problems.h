// The rules by which a daemon, `build` and `compare` know that something is wrong with what they
// are given: pure functions of what was counted.
//
//   auto changes = watch.update(find_problems(status), now_ms);  // at every new Status
//   status.problems = watch.current();
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/application/problem.h"
#include "daemon/application/status.h"
#include "daemon/config/config.h"

namespace remapd::application {

// Fewer samples may well lack a feature or a class.
inline constexpr std::uint64_t kEnoughSamples = 1'000;

// What the samples of a stream or a log were found to hold.
struct StreamFacts {
  std::uint64_t samples = 0;
  std::vector<FeatureStatus> features;
  std::uint64_t labelled = 0;
  double label_sum = 0;
  std::string label_wanted_by;  // label_wanted_by()
  std::uint64_t unknown_features = 0;
};

// The key that asks for labels: a stream without any is then a mistake. Empty: there is none.
std::string label_wanted_by(const config::Config& config);

// Of the samples alone, once there are `enough`; `since_ms` is not set.
std::vector<Problem> stream_problems(const StreamFacts& facts,
                                     std::uint64_t enough = kEnoughSamples);
// All, in the order of their codes; `since_ms` is not set. Linear in tables, features, partitions.
std::vector<Problem> find_problems(const Status& status);

// Since when each problem has been there.
class ProblemWatch {
 public:
  struct Changes {
    std::vector<Problem> begun;
    std::vector<Problem> over;
  };

  // `found`: what is wrong now. Problems of the same code and place are the same.
  Changes update(std::vector<Problem> found, std::int64_t now_ms);
  const std::vector<Problem>& current() const { return current_; }

 private:
  std::vector<Problem> current_;
};

}  // namespace remapd::application
