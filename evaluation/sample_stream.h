// The samples of a log one by one: its events in file order, and after each, if asked for, one
// negative: the same sample with label 0 and one column replaced by that of a random recent event.
//
// A cursor over a log, which must outlive it. Two streams made alike give the same samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/random.h"
#include "core/base/types.h"
#include "evaluation/event_log.h"

namespace remapd::evaluation {

// Negatives take the column of one of this many events, the current one included, uniformly: what
// was on offer about then, as often as it was taken.
inline constexpr std::size_t kNegativeWindow = 20'000;

struct Negatives {
  FeatureIndex feature;
  std::uint64_t seed = 1;
};

class SampleStream {
 public:
  SampleStream(const EventLog& log, std::optional<Negatives> negatives);

  // How many samples there are in all.
  std::size_t samples() const { return log_.samples() * (negatives_ ? 2 : 1); }

  // Goes to the next sample, at first to the first; false after the last.
  bool next();

  // Of the current sample. With negatives every event counts as positive, whatever its label.
  std::span<const std::uint32_t> numbers(FeatureIndex feature) const;
  float label() const;

 private:
  const EventLog& log_;
  std::optional<Negatives> negatives_;
  Random random_;
  std::size_t event_ = 0;
  std::size_t replacement_ = 0;  // the event a negative's column is taken from
  bool started_ = false;
  bool negative_ = false;
};

}  // namespace remapd::evaluation
