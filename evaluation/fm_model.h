// The model behind the prequential figures: a factorisation machine over categorical features
// (Rendle, ICDM 2010), learned one sample at a time, whose embedding tables are addressed by row.
//
//   score = b0 + sum_f b_f + sum_{f<g} <v_f, v_g>,   probability = 1 / (1 + e^-score)
//
// (b_f, v_f) is the sum of the rows that the sample's ids of feature f have: one row for one id
// under an ordinary mapping, two under double hashing, more for a multi-valued feature, none for a
// missing one. Which rows those are is the caller's business; the model knows no ids.
//
// Learning minimises the log loss by row-wise Adagrad, the optimiser TorchRec uses for sharded
// tables: one accumulator per row, of the mean square of the row's gradient.
//
// Not thread safe. A sample costs O(rows of the sample x factors).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.h"

namespace remapd::evaluation {

struct FmSettings {
  float learning_rate = 0.14f;
  float initial_deviation = 0.05f;   // of each element of a fresh vector; biases start at 0
  float initial_accumulator = 0.1f;  // of each row's optimiser state
};

// Chosen once on the full table, the same for every strategy and data set. Full-table NE after the
// first 20 %, epinions / globo with one negative per click, by learning rate: .12: .8738 / .9742,
// .14: .8729 / .9683, .17: .8727 / .9634, .20: .8732 / .9622. At .14 epinions is within .0003 of
// its lowest.
inline constexpr FmSettings kFmSettings{};

inline constexpr std::size_t kFmFactors = 8;
inline constexpr std::size_t kFmColumns = kFmFactors + 1;  // the vector, then the bias

// The embedding table of one feature: a row-major matrix of kFmColumns floats a row and one
// optimiser state per row, laid out as mapping::apply() and apply_to_state() take them.
class FmTable {
 public:
  // Row r's initial vector depends on (seed, r) alone.
  FmTable(std::uint32_t rows, std::uint64_t seed, const FmSettings& settings);

  std::uint32_t rows() const { return static_cast<std::uint32_t>(state_.size()); }
  // Adds fresh rows until there are `rows`; never shrinks.
  void grow(std::uint32_t rows);

  std::span<float> matrix() { return matrix_; }
  std::span<float> state() { return state_; }
  std::span<const float> matrix() const { return matrix_; }
  std::span<const float> state() const { return state_; }

 private:
  std::uint64_t seed_;
  FmSettings settings_;
  std::vector<float> matrix_;
  std::vector<float> state_;
};

class FmModel {
 public:
  using Embedding = std::array<float, kFmColumns>;

  // One table per feature, of rows[f] rows.
  FmModel(std::span<const std::uint32_t> rows, std::uint64_t seed,
          const FmSettings& settings = kFmSettings);

  std::size_t features() const { return tables_.size(); }
  FmTable& table(FeatureIndex feature) { return tables_[feature.value]; }

  // The sample to work on: rows[f] lists the rows of feature f, all below table(f).rows(). The
  // spans must live until the last call that concerns this sample.
  void set_sample(std::span<const std::span<const Row>> rows);

  // P(label = 1) of the sample.
  double predict() const { return probability_; }
  // d(log loss) / d(b_f, v_f): the gradient of every row that feature f summed.
  Embedding gradient(FeatureIndex feature, bool label) const;
  // One step of the optimiser on the sample; predict() still tells what was predicted before it.
  void learn(bool label);

 private:
  FmSettings settings_;
  std::vector<FmTable> tables_;
  float bias_ = 0;
  float bias_state_;

  std::span<const std::span<const Row>> sample_;
  std::vector<Embedding> sums_;  // of the sample, one per feature
  Embedding total_{};            // of sums_
  double probability_ = 0;
};

}  // namespace remapd::evaluation
