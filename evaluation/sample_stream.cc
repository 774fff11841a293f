#include "evaluation/sample_stream.h"

#include <algorithm>

namespace remapd::evaluation {

SampleStream::SampleStream(const EventLog& log, std::optional<Negatives> negatives)
    : log_(log), negatives_(negatives), random_(negatives ? negatives->seed : 0) {}

bool SampleStream::next() {
  if (!started_) {
    started_ = true;
  } else if (negatives_ && !negative_) {
    negative_ = true;
    replacement_ = event_ - random_.below(std::min(event_ + 1, kNegativeWindow));
    return true;
  } else {
    ++event_;
  }
  negative_ = false;
  return event_ < log_.samples();
}

std::span<const std::uint32_t> SampleStream::numbers(FeatureIndex feature) const {
  const bool replaced = negative_ && feature == negatives_->feature;
  return log_.numbers(feature, replaced ? replacement_ : event_);
}

float SampleStream::label() const {
  if (negatives_) return negative_ ? 0.0f : 1.0f;
  return log_.label(event_);
}

}  // namespace remapd::evaluation
