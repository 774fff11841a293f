// One of the models that are trained side by side on the same samples: the same factorisation
// machine, its ids placed on rows in its own way.
//
// Not thread safe; contenders are independent of one another.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "evaluation/fm_model.h"
#include "examples/click_trainer/loss_meter.h"
#include "examples/click_trainer/placement.h"

namespace remapd::click_trainer {

class Contender {
 public:
  // rows[f]: of the table of feature f; tables may grow.
  Contender(std::string name, std::span<const std::uint32_t> rows, std::uint64_t seed)
      : name_(std::move(name)), model_(rows, seed), sample_(rows.size()) {}

  const std::string& name() const { return name_; }
  evaluation::FmModel& model() { return model_; }
  // All tables together.
  std::uint64_t rows() {
    std::uint64_t sum = 0;
    for (std::uint32_t f = 0; f < model_.features(); ++f) {
      sum += model_.table(FeatureIndex{f}).rows();
    }
    return sum;
  }

  // Predicts each labelled sample, then learns it. rows[f]: of feature f, as many samples as there
  // are labels; a NaN label passes the sample over. Samples before `counted_from` are not counted.
  void learn(std::span<const PlacedRows* const> rows, std::span<const float> labels,
             std::size_t counted_from);

  const LossMeter& loss() const { return loss_; }

 private:
  std::string name_;
  evaluation::FmModel model_;
  LossMeter loss_;
  std::vector<std::span<const Row>> sample_;
};

}  // namespace remapd::click_trainer
