// Zipf-distributed ranks: rank r of 1 .. n with probability proportional to r^-exponent, in O(1) a
// draw and without tables, by rejection-inversion (Hoermann & Derflinger, "Rejection-inversion to
// generate variates from monotone discrete distributions", ACM TOMACS 6, 1996).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/base/random.h"

namespace remapd::support {

class Zipf {
 public:
  // n >= 1; exponent > 0.
  Zipf(std::uint64_t n, double exponent)
      : n_(static_cast<double>(n)),
        exponent_(exponent),
        upper_(integral(1.5) - 1.0),
        lower_(integral(n_ + 0.5)),
        squeeze_(2.0 - inverse(integral(2.5) - std::pow(2.0, -exponent))) {}

  std::uint64_t operator()(Random& random) const {
    for (;;) {
      const double u = lower_ + random.uniform() * (upper_ - lower_);
      const double x = inverse(u);
      const double rank = std::clamp(std::floor(x + 0.5), 1.0, n_);
      if (rank - x <= squeeze_ || u >= integral(rank + 0.5) - std::pow(rank, -exponent_)) {
        return static_cast<std::uint64_t>(rank);
      }
    }
  }

 private:
  // The integral of x^-exponent and its inverse, in forms that hold at exponent 1 as well.
  double integral(double x) const {
    const double log_x = std::log(x);
    const double t = (1.0 - exponent_) * log_x;
    return std::abs(t) > 1e-8 ? std::expm1(t) / t * log_x : log_x * (1.0 + t / 2.0);
  }
  double inverse(double y) const {
    const double t = std::max(y * (1.0 - exponent_), -1.0);
    return std::exp(std::abs(t) > 1e-8 ? std::log1p(t) / t * y : y * (1.0 - t / 2.0));
  }

  double n_;
  double exponent_;
  double upper_;
  double lower_;
  double squeeze_;
};

}  // namespace remapd::support
