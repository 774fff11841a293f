#include "core/embedding/access_horizon.h"

#include <algorithm>
#include <cmath>

namespace remapd::embedding {
namespace {
constexpr double kTolerated = 0.02;   // correlation; without drift it is within .01 of zero
constexpr double kGain = 30;          // of the horizon's logarithm, per correlation and round
constexpr double kMostChange = 2;     // of the logarithm at once
constexpr double kEnough = 2'000;     // gradients, whose correlation by chance is some .02
constexpr double kUnitSteps = 2'000;  // after which squared gradients count half

}  // namespace

void AccessHorizon::set(double accesses) {
  const double most = static_cast<double>(kUnbounded);
  accesses_ = static_cast<float>(
      accesses > 0 ? std::clamp(accesses, static_cast<double>(kLeast), most) : most);
  is_set_ = true;
  find_bound();
}

void AccessHorizon::advance(std::uint32_t steps, const Sums& squares) {
  steps_ += steps;
  bias_squares_ += static_cast<double>(squares.bias);
  factor_squares_ += static_cast<double>(squares.factors);
  if (steps_ >= 2 * kUnitSteps) {
    steps_ /= 2;
    bias_squares_ /= 2;
    factor_squares_ /= 2;
    unit_ = {static_cast<float>(bias_squares_ / steps_),
             static_cast<float>(factor_squares_ / steps_)};
    find_bound();
  }
  const double enough = std::max(kEnough, static_cast<double>(settled_ids_) / 4);
  if (static_cast<double>(compared_) >= enough) move();
}

void AccessHorizon::move() {
  const double agreement = squares_ > 0 ? agreement_ / squares_ : 0;
  const double rounds =
      static_cast<double>(compared_) / std::max(kEnough, static_cast<double>(settled_ids_));
  const double change = kGain * (kTolerated - agreement) * rounds;
  const double moved =
      static_cast<double>(accesses_) * std::exp(std::clamp(change, -kMostChange, kMostChange));
  if (!is_set_) accesses_ = std::clamp(static_cast<float>(moved), kLeast, kUnbounded);
  agreement_ = 0;
  squares_ = 0;
  compared_ = 0;
  find_bound();
}

void AccessHorizon::find_bound() {
  const auto inverse = [](float unit) { return unit > 0 ? 1 / unit : 0; };
  per_unit_ = {.bias = inverse(unit_.bias), .factors = inverse(unit_.factors)};
  settled_at_ = Sums{}.bias;
  bound_ = {};
  if (!(unit_.bias > 0)) return;
  settled_at_ = kLeast * unit_.bias;
  if (accesses_ == kUnbounded) return;
  bound_ = {.bias = accesses_ * unit_.bias, .factors = accesses_ * unit_.factors};
}

void AccessHorizon::save(ByteWriter& out) const {
  out.put(accesses_);
  out.put(settled_ids_);
  out.put(unit_);
  out.put(steps_);
  out.put(bias_squares_);
  out.put(factor_squares_);
  out.put(agreement_);
  out.put(squares_);
  out.put(compared_);
}

bool AccessHorizon::load(ByteReader& in) {
  accesses_ = in.get<float>();
  settled_ids_ = in.get<std::uint32_t>();
  unit_ = in.get<Sums>();
  steps_ = in.get<double>();
  bias_squares_ = in.get<double>();
  factor_squares_ = in.get<double>();
  agreement_ = in.get<double>();
  squares_ = in.get<double>();
  compared_ = in.get<std::uint64_t>();
  find_bound();
  return in.ok() && accesses_ >= kLeast && accesses_ <= kUnbounded && settled_ids_ <= most_ids_ &&
         std::isfinite(unit_.bias) && std::isfinite(unit_.factors) && std::isfinite(agreement_) &&
         std::isfinite(squares_);
}

}  // namespace remapd::embedding
