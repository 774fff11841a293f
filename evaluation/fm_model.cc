#include "evaluation/fm_model.h"

#include <cmath>

#include "core/base/random.h"

namespace remapd::evaluation {

FmTable::FmTable(std::uint32_t rows, std::uint64_t seed, const FmSettings& settings)
    : seed_(seed), settings_(settings) {
  grow(rows);
}

void FmTable::grow(std::uint32_t rows) {
  for (std::uint32_t row = this->rows(); row < rows; ++row) {
    Random random(hash_id(row, seed_));
    for (std::size_t k = 0; k < kFmFactors; ++k) {
      matrix_.push_back(settings_.initial_deviation * static_cast<float>(random.normal()));
    }
    matrix_.push_back(0);
    state_.push_back(settings_.initial_accumulator);
  }
}

FmModel::FmModel(std::span<const std::uint32_t> rows, std::uint64_t seed,
                 const FmSettings& settings)
    : settings_(settings), bias_state_(settings.initial_accumulator), sums_(rows.size()) {
  for (std::size_t f = 0; f < rows.size(); ++f) {
    tables_.emplace_back(rows[f], mix64(seed) + f, settings);
  }
}

void FmModel::set_sample(std::span<const std::span<const Row>> rows) {
  sample_ = rows;
  total_ = {};
  float self_products = 0;
  for (std::size_t f = 0; f < tables_.size(); ++f) {
    Embedding& sum = sums_[f];
    sum = {};
    const float* matrix = tables_[f].matrix().data();
    for (const Row row : rows[f]) {
      const float* values = matrix + std::size_t{row.value} * kFmColumns;
      for (std::size_t k = 0; k < kFmColumns; ++k) sum[k] += values[k];
    }
    for (std::size_t k = 0; k < kFmFactors; ++k) self_products += sum[k] * sum[k];
    for (std::size_t k = 0; k < kFmColumns; ++k) total_[k] += sum[k];
  }
  // sum_{f<g} <v_f, v_g> = (|sum_f v_f|^2 - sum_f |v_f|^2) / 2
  float product = 0;
  for (std::size_t k = 0; k < kFmFactors; ++k) product += total_[k] * total_[k];
  const float score = bias_ + total_[kFmFactors] + 0.5f * (product - self_products);
  probability_ = 1 / (1 + std::exp(-static_cast<double>(score)));
}

FmModel::Embedding FmModel::gradient(FeatureIndex feature, bool label) const {
  const auto error = static_cast<float>(probability_ - (label ? 1 : 0));
  const Embedding& sum = sums_[feature.value];
  Embedding out;
  for (std::size_t k = 0; k < kFmFactors; ++k) out[k] = error * (total_[k] - sum[k]);
  out[kFmFactors] = error;
  return out;
}

void FmModel::learn(bool label) {
  for (std::uint32_t f = 0; f < tables_.size(); ++f) {
    if (sample_[f].empty()) continue;
    const Embedding g = gradient(FeatureIndex{f}, label);
    float mean_square = 0;
    for (const float element : g) mean_square += element * element;
    mean_square /= kFmColumns;
    float* matrix = tables_[f].matrix().data();
    float* state = tables_[f].state().data();
    for (const Row row : sample_[f]) {
      float* values = matrix + std::size_t{row.value} * kFmColumns;
      state[row.value] += mean_square;
      const float step = settings_.learning_rate / std::sqrt(state[row.value]);
      for (std::size_t k = 0; k < kFmColumns; ++k) values[k] -= step * g[k];
    }
  }
  const auto error = static_cast<float>(probability_ - (label ? 1 : 0));
  bias_state_ += error * error;
  bias_ -= settings_.learning_rate / std::sqrt(bias_state_) * error;
}

}  // namespace remapd::evaluation
