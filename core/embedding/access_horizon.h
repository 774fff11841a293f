// How many of an id's latest accesses count for what is learned of it: the horizon of one table.
//
// Adagrad divides an id's step by the root of the sum of all its squared gradients. On a stream
// that stays as it is that is right; after years the steps are too small to follow one that
// changes. So the sums have a bound, the squares of as many gradients as the horizon has accesses,
// and the stream chooses the horizon:
//
//   While an id behaves as was learned, one gradient of it says nothing about the next. Once it
//   behaves differently, successive gradients agree until it has been learned anew. (Their product
//   is also what a larger step would have gained on the later sample: Baydin et al., "Online
//   learning rate adaptation with hypergradient descent", ICLR 2018.) Each id keeps one coordinate
//   of its last gradient. Agreement above kTolerated, over the table's settled ids, shortens the
//   horizon; less lengthens it, up to kUnbounded, where nothing is forgotten.
//
//   An id whose sums exceed the bound when it is learned next is forgotten in part: kept() of its
//   parameters and of the bound remain, which is nothing at kLeast. Then it is like a new id.
//
//   1. per id and mini-batch: bound(), kept(), settled(), compare(), count_settled()
//   2. per mini-batch: advance()
//
// Gradients are measured by the table's own, so neither label rates nor weights matter. Not thread
// safe; deterministic in the order of the calls.
#pragma once

#include <cstdint>
#include <limits>

#include "core/base/bytes.h"

namespace remapd::embedding {

class AccessHorizon {
 public:
  static constexpr float kLeast = 25.0F;          // accesses; those of one mini-batch count as one
  static constexpr float kUnbounded = 10'000.0F;  // nothing is forgotten

  // Of an id's sums of squared gradients.
  struct Sums {
    float bias = std::numeric_limits<float>::infinity();
    float factors = std::numeric_limits<float>::infinity();
  };

  // `ids`: the most the table can have.
  explicit AccessHorizon(std::uint32_t ids) : most_ids_(ids) {}

  float accesses() const { return accesses_; }
  bool is_unbounded() const { return accesses_ == kUnbounded; }
  // The horizon from now on, brought within its bounds, whatever the stream; 0: unbounded.
  void set(double accesses);
  // Whether parameters shrink with the sums that are cut: a horizon that is set says nothing of a
  // change.
  bool forgets_parameters() const { return !is_set_; }
  // What the sums are bounded by.
  const Sums& bound() const { return bound_; }
  // The share that is kept of what made a sum that exceeds its bound; both finite. One long
  // shortening of the horizon keeps as much as several short ones.
  static float kept(float accesses, float sum, float bound) {
    const float times = sum / bound;  // > 1
    const float excess = accesses / kLeast - 1;
    return excess / (excess + 1 - 1 / times);
  }
  // Whether an id of this sum of its bias has been learned for a while: then its gradients are
  // compared.
  bool settled(float bias_squares) const { return bias_squares >= settled_at_; }
  // An id has settled, or has been forgotten or evicted.
  void count_settled(bool settled) {
    if (settled) {
      settled_ids_ += settled_ids_ < most_ids_ ? 1 : 0;
    } else {
      settled_ids_ -= settled_ids_ > 0 ? 1 : 0;
    }
  }
  // One coordinate of a settled id's last two gradients: of its bias or one of its factors.
  void compare(float before, float now, bool of_bias) {
    const float scale = of_bias ? per_unit_.bias : per_unit_.factors;
    agreement_ += before * now * scale;
    squares_ += now * now * scale;
    ++compared_;
  }
  // After a mini-batch, of which `squares` are the sums over `steps` ids' gradients: moves the
  // horizon once enough gradients have been compared.
  void advance(std::uint32_t steps, const Sums& squares);

  void save(ByteWriter& out) const;
  // False if it cannot be what was saved.
  bool load(ByteReader& in);

 private:
  void move();
  void find_bound();

  std::uint32_t most_ids_;
  bool is_set_ = false;
  float accesses_ = kUnbounded;
  std::uint32_t settled_ids_ = 0;
  Sums unit_{0, 0};  // squared gradients of one access; 0: not known yet
  // Of recent mini-batches, since that was found with half their weight.
  double steps_ = 0;
  double bias_squares_ = 0;
  double factor_squares_ = 0;
  // Since the horizon moved.
  double agreement_ = 0;
  double squares_ = 0;
  std::uint64_t compared_ = 0;
  // Follow from the others.
  Sums per_unit_{0, 0};
  Sums bound_;
  float settled_at_ = std::numeric_limits<float>::infinity();
};

}  // namespace remapd::embedding
