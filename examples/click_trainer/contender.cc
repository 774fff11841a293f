#include "examples/click_trainer/contender.h"

#include <cmath>

namespace remapd::click_trainer {

void Contender::learn(std::span<const PlacedRows* const> rows, std::span<const float> labels,
                      std::size_t counted_from) {
  for (std::size_t s = 0; s < labels.size(); ++s) {
    if (std::isnan(labels[s])) continue;
    for (std::size_t f = 0; f < rows.size(); ++f) sample_[f] = rows[f]->of(s);
    const bool label = labels[s] > 0.5f;
    model_.set_sample(sample_);
    if (s >= counted_from) loss_.add(model_.predict(), label);
    model_.learn(label);
  }
}

}  // namespace remapd::click_trainer
