// The log loss of predictions as they are made, and the same normalised by the entropy of the
// labels' own base rate (He et al., ADKDD 2014, "Practical Lessons from Predicting Clicks on Ads at
// Facebook"): 1 is what knowing the base rate alone gives, lower is better.
//
// A value; not thread safe.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace remapd::click_trainer {

class LossMeter {
 public:
  void add(double probability, bool label) {
    const double p = std::clamp(label ? probability : 1 - probability, 1e-12, 1.0);
    loss_ -= std::log(p);
    positives_ += label ? 1 : 0;
    ++samples_;
  }

  std::uint64_t samples() const { return samples_; }
  // Nats; NaN without samples.
  double log_loss() const { return loss_ / static_cast<double>(samples_); }
  // NaN without samples or with one class only: there is nothing to predict.
  double normalised_entropy() const {
    if (positives_ == 0 || positives_ == samples_) return std::numeric_limits<double>::quiet_NaN();
    const double rate = static_cast<double>(positives_) / static_cast<double>(samples_);
    return log_loss() / -(rate * std::log(rate) + (1 - rate) * std::log(1 - rate));
  }

 private:
  double loss_ = 0;
  std::uint64_t positives_ = 0;
  std::uint64_t samples_ = 0;
};

}  // namespace remapd::click_trainer
