#include "core/embedding/factorisation_machine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <Eigen/Dense>

#include "core/base/check.h"
#include "core/base/random.h"

namespace remapd::embedding {
namespace {

constexpr float kAdagradFloor = 0.1F;
constexpr double kNewcomerDecay = 0.9995;  // per mini-batch

float probability(float logit) {
  return 1.0F / (1.0F + std::exp(-std::clamp(logit, -30.0F, 30.0F)));
}

// Four factors at a time, lane by lane: the same sums on every instruction set.
using Floats = float __attribute__((vector_size(16)));
constexpr std::size_t kMomentLanes = 8;
constexpr std::size_t kMaxMomentStride = 40;  // of 32 factors

[[gnu::always_inline]] inline Floats four_at(const float* from) {
  Floats out;
  std::memcpy(&out, from, sizeof(out));
  return out;
}
[[gnu::always_inline]] inline void put_four(float* to, Floats values) {
  std::memcpy(to, &values, sizeof(values));
}
[[gnu::always_inline]] inline float total(Floats values) {
  return (values[0] + values[1]) + (values[2] + values[3]);
}
[[gnu::always_inline]] inline void add_product(double* to, double factor, const double* values) {
  for (std::size_t lane = 0; lane < kMomentLanes; ++lane) to[lane] += factor * values[lane];
}

}  // namespace

FactorisationMachine::FactorisationMachine(const Config& config,
                                           std::span<const std::uint32_t> slot_counts)
    : config_(config),
      stride_(kFactors + config.factors),
      moment_stride_((config.factors + kMomentLanes) / kMomentLanes * kMomentLanes),
      step_(config.factors) {
  for (const std::uint32_t slots : slot_counts) {
    tables_.push_back({HugeArray<float>(slots * stride_),
                       std::vector<double>((config.factors + 1) * moment_stride_, 0.0),
                       std::vector<float>(stride_, 0.0F), 0, 0});
  }
}

void FactorisationMachine::admit(TableIndex table, std::span<const Slot> slots,
                                 std::span<const Id> ids) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    float* p = at(tables_[table.value], slots[i]);
    std::fill_n(p, kFactors, 0.0F);
    Random random(hash_id(ids[i], config_.seed));
    for (std::uint32_t k = 0; k < config_.factors; ++k) {
      p[kFactors + k] = config_.initial_scale * static_cast<float>(random.normal());
    }
  }
}

void FactorisationMachine::prefetch(const SlotBatch& batch, std::size_t first,
                                    std::size_t last) const {
  for (const SlotBatch::Column& column : batch.columns) {
    const float* parameters = tables_[column.table.value].parameters.data();
    for (std::uint32_t i = column.begin[first]; i < column.begin[last]; ++i) {
      if (column.slots[i] == kNoSlot) continue;
      const float* p = parameters + column.slots[i] * stride_;
      __builtin_prefetch(p, 1);
      __builtin_prefetch(p + stride_ - 1, 1);
    }
  }
}

template <std::size_t kFour>
void FactorisationMachine::forward(const SlotBatch& batch, std::size_t first, std::size_t last) {
  const std::size_t k = kFour != 0 ? 4 * kFour : config_.factors;
  const std::size_t samples = last - first;
  sums_.assign(samples * k, 0.0F);
  gradient_.assign(samples, 0.0F);
  logit_.assign(samples, 0.0F);
  for (std::size_t s = first; s < last; ++s) {
    const float label = batch.labels[s];
    float* sum = context_sum(s - first);
    float logit = bias_;
    Floats squares{};
    for (const SlotBatch::Column& column : batch.columns) {
      const Table& table = tables_[column.table.value];
      for (std::uint32_t i = column.begin[s]; i < column.begin[s + 1]; ++i) {
        if (column.slots[i] == kNoSlot) continue;
        const float* p = at(table, column.slots[i]);
        logit += p[kBias];
        for (std::size_t j = 0; j < k; j += 4) {
          const Floats v = four_at(p + kFactors + j);
          put_four(sum + j, four_at(sum + j) + v);
          squares += v * v;
        }
      }
    }
    if (std::isnan(label)) continue;
    Floats norm{};
    for (std::size_t j = 0; j < k; j += 4) norm += four_at(sum + j) * four_at(sum + j);
    logit += 0.5F * total(norm - squares);
    logit_[s - first] = logit;
    gradient_[s - first] = (probability(logit) - label) * batch.weights[s];
  }
}

template <std::size_t kFour>
void FactorisationMachine::update_moments(const SlotBatch::Column& column, std::size_t first,
                                          std::size_t last) {
  const std::size_t k = kFour != 0 ? 4 * kFour : config_.factors;
  const std::size_t stride = kFour != 0 ? 8 * ((4 * kFour + 8) / 8) : moment_stride_;
  Table& table = tables_[column.table.value];
  double* moments = table.moments.data();
  for (std::size_t m = 0; m < (k + 1) * stride; ++m) moments[m] *= config_.moment_decay;
  alignas(64) double context[kMaxMomentStride] = {1};
  for (std::size_t s = first; s < last; ++s) {
    const float* sum = context_sum(s - first);
    for (std::uint32_t i = column.begin[s]; i < column.begin[s + 1]; ++i) {
      if (column.slots[i] == kNoSlot) continue;
      const float* v = at(table, column.slots[i]) + kFactors;
      for (std::size_t j = 0; j < k; ++j) context[j + 1] = static_cast<double>(sum[j] - v[j]);
      for (std::size_t a = 0; a <= k; ++a) {
        // Row a is used up to column a; the rest of a vector is filled on the way.
        for (std::size_t b = 0; b <= a; b += kMomentLanes) {
          add_product(moments + a * stride + b, context[a], context + b);
        }
      }
    }
  }
}

// The position in groups_ of the id, which is new there if it has not been met in this mini-batch.
std::size_t FactorisationMachine::group_of(Slot slot) {
  const std::size_t mask = group_at_.size() - 1;
  std::size_t at = (slot * 0x9e3779b1U >> 7) & mask;
  for (; group_at_[at] != 0; at = (at + 1) & mask) {
    if (groups_[group_at_[at] - 1].slot == slot) return group_at_[at] - 1;
  }
  groups_.push_back({slot, 0});
  group_at_[at] = static_cast<std::uint32_t>(groups_.size());
  return groups_.size() - 1;
}

template <std::size_t kFour>
void FactorisationMachine::update_table(std::uint32_t index, const SlotBatch& batch,
                                        std::size_t first, std::size_t last) {
  const std::size_t k = kFour != 0 ? 4 * kFour : config_.factors;
  columns_of_table_.clear();
  std::size_t occurrences = 0;
  for (std::uint32_t c = 0; c < batch.columns.size(); ++c) {
    const SlotBatch::Column& column = batch.columns[c];
    if (column.table.value != index) continue;
    columns_of_table_.push_back(c);
    occurrences += column.begin[last] - column.begin[first];
  }
  if (occurrences == 0) return;
  group_at_.assign(std::bit_ceil(2 * occurrences), 0);
  groups_.clear();
  group_gradients_.resize(std::max(group_gradients_.size(), occurrences * k));
  Table& table = tables_[index];
  for (std::size_t s = first; s < last; ++s) {
    const float g = gradient_[s - first];
    if (g == 0) continue;
    const float* sum = context_sum(s - first);
    for (const std::uint32_t c : columns_of_table_) {
      const SlotBatch::Column& column = batch.columns[c];
      for (std::uint32_t i = column.begin[s]; i < column.begin[s + 1]; ++i) {
        if (column.slots[i] == kNoSlot) continue;
        const float* v = at(table, column.slots[i]) + kFactors;
        const std::size_t known = groups_.size();
        const std::size_t group = group_of(column.slots[i]);
        float* gradient = group_gradients_.data() + group * k;
        groups_[group].bias_gradient += g;
        for (std::size_t j = 0; j < k; j += 4) {
          const Floats share = g * (four_at(sum + j) - four_at(v + j));
          put_four(gradient + j, group == known ? Floats{} + share : four_at(gradient + j) + share);
        }
      }
    }
  }
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    step(at(table, groups_[group].slot), groups_[group].bias_gradient,
         group_gradients_.data() + group * k);
  }
}

// One Adagrad step of an id's parameters.
void FactorisationMachine::step(float* p, float bias_gradient, const float* factor_gradient) const {
  const std::size_t k = config_.factors;
  Floats squares{};
  for (std::size_t j = 0; j < k; j += 4) {
    const Floats g = four_at(factor_gradient + j);
    squares += g * g;
  }
  p[kBiasSquares] += bias_gradient * bias_gradient;
  p[kFactorSquares] += total(squares) / static_cast<float>(k);
  p[kBias] -= config_.learning_rate * bias_gradient / std::sqrt(p[kBiasSquares] + kAdagradFloor);
  const float rate = config_.learning_rate / std::sqrt(p[kFactorSquares] + kAdagradFloor);
  for (std::size_t j = 0; j < k; j += 4) {
    put_four(p + kFactors + j, four_at(p + kFactors + j) - rate * four_at(factor_gradient + j));
  }
}

void FactorisationMachine::update_newcomer(const SlotBatch::Column& column,
                                           std::span<const float> labels, std::size_t first,
                                           std::size_t last) {
  const std::size_t k = config_.factors;
  Table& table = tables_[column.table.value];
  const float* typical = table.newcomer.data();
  table.residual_products *= kNewcomerDecay;
  table.residual_squares *= kNewcomerDecay;
  float bias_gradient = 0;
  std::fill(step_.begin(), step_.end(), 0.0F);
  bool any = false;
  for (std::size_t s = first; s < last; ++s) {
    if (std::isnan(labels[s])) continue;
    const float* sum = context_sum(s - first);
    for (std::uint32_t i = column.begin[s]; i < column.begin[s + 1]; ++i) {
      if (column.newcomer[i] == 0 || column.slots[i] == kNoSlot) continue;
      // The same sample with the typical newcomer in place of this id.
      float* p = at(table, column.slots[i]);
      float logit = logit_[s - first] + typical[kBias] - p[kBias];
      for (std::size_t j = 0; j < k; ++j) {
        const float context = sum[j] - p[kFactors + j];
        logit += context * (typical[kFactors + j] - p[kFactors + j]);
      }
      const float g = probability(logit) - labels[s];
      bias_gradient += g;
      for (std::size_t j = 0; j < k; ++j) step_[j] += g * (sum[j] - p[kFactors + j]);
      if (p[kResidual] != 0) {
        table.residual_products += static_cast<double>(p[kResidual]) * g;
        table.residual_squares +=
            0.5 * (static_cast<double>(p[kResidual]) * p[kResidual] + static_cast<double>(g) * g);
      }
      p[kResidual] = g;
      any = true;
    }
  }
  if (any) step(table.newcomer.data(), bias_gradient, step_.data());
}

std::optional<double> FactorisationMachine::newcomer_persistence(TableIndex table) const {
  const Table& t = tables_[table.value];
  if (t.residual_squares <= 0) return std::nullopt;
  return t.residual_products / t.residual_squares;
}

template <std::size_t kFour>
void FactorisationMachine::learn_with(const SlotBatch& batch, std::size_t first, std::size_t last) {
  prefetch(batch, first, last);
  forward<kFour>(batch, first, last);
  for (const SlotBatch::Column& column : batch.columns) {
    update_moments<kFour>(column, first, last);
  }
  float total_gradient = 0;
  for (const float g : gradient_) total_gradient += g;
  for (const SlotBatch::Column& column : batch.columns) {
    update_newcomer(column, batch.labels, first, last);
  }
  // All gradients were taken at the same parameters; sums_ holds what the factors' need.
  for (std::uint32_t t = 0; t < tables_.size(); ++t) update_table<kFour>(t, batch, first, last);
  if (total_gradient != 0) {
    bias_squares_ += total_gradient * total_gradient;
    bias_ -= config_.learning_rate * total_gradient / std::sqrt(bias_squares_ + kAdagradFloor);
  }
}

void FactorisationMachine::learn(const SlotBatch& batch, std::size_t first, std::size_t last) {
  switch (config_.factors) {
    case 4:
      return learn_with<1>(batch, first, last);
    case 8:
      return learn_with<2>(batch, first, last);
    default:
      return learn_with<0>(batch, first, last);
  }
}

std::vector<float> FactorisationMachine::embed(TableIndex table,
                                               std::span<const Slot> slots) const {
  const std::size_t d = dimension();
  const Table& t = tables_[table.value];
  Eigen::MatrixXd moments(d, d);
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      moments(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)) =
          t.moments[a * moment_stride_ + b];
      moments(static_cast<Eigen::Index>(b), static_cast<Eigen::Index>(a)) =
          t.moments[a * moment_stride_ + b];
    }
  }
  moments /= std::max(moments(0, 0), 1.0);
  // A little of the identity keeps directions apart that the recent traffic happened not to use.
  moments +=
      1e-4 * Eigen::MatrixXd::Identity(static_cast<Eigen::Index>(d), static_cast<Eigen::Index>(d));
  const Eigen::MatrixXd factor = moments.llt().matrixU();
  std::vector<float> transform(d * d);
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b < d; ++b) {
      transform[a * d + b] =
          static_cast<float>(factor(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)));
    }
  }
  std::vector<float> out(slots.size() * d);
  std::vector<float> x(d);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const float* p = at(t, slots[i]);
    x[0] = p[kBias];
    std::copy_n(p + kFactors, d - 1, x.begin() + 1);
    for (std::size_t a = 0; a < d; ++a) {
      float sum = 0;
      for (std::size_t b = a; b < d; ++b) sum += transform[a * d + b] * x[b];
      out[i * d + a] = sum;
    }
  }
  return out;
}

std::size_t FactorisationMachine::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Table& table : tables_) bytes += table.parameters.memory_bytes();
  return bytes;
}

std::vector<double> FactorisationMachine::packed_moments(const Table& table) const {
  const std::size_t d = dimension();
  std::vector<double> out(d * d, 0.0);
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b <= a; ++b) out[a * d + b] = table.moments[a * moment_stride_ + b];
  }
  return out;
}

void FactorisationMachine::save(ByteWriter& out) const {
  out.put(bias_);
  out.put(bias_squares_);
  for (const Table& table : tables_) {
    out.put_sparse(std::span<const float>(table.parameters.span()));
    out.put_vector(packed_moments(table));
    out.put_vector(table.newcomer);
    out.put(table.residual_products);
    out.put(table.residual_squares);
  }
}

Result<void> FactorisationMachine::load(ByteReader& in, bool dense) {
  const std::size_t d = dimension();
  bias_ = in.get<float>();
  bias_squares_ = in.get<float>();
  for (Table& table : tables_) {
    const std::span<float> parameters = table.parameters.span();
    dense ? in.get_dense(parameters) : in.get_sparse(parameters);
    const auto moments = in.get_vector<double>();
    auto newcomer = in.get_vector<float>();
    table.residual_products = in.get<double>();
    table.residual_squares = in.get<double>();
    if (!in.ok() || moments.size() != d * d || newcomer.size() != table.newcomer.size()) {
      return fail(ErrorCode::kCorrupt, "factorisation machine: wrong size");
    }
    for (std::size_t a = 0; a < d; ++a) {
      std::copy_n(moments.begin() + static_cast<std::ptrdiff_t>(a * d), a + 1,
                  table.moments.begin() + static_cast<std::ptrdiff_t>(a * moment_stride_));
    }
    table.newcomer = std::move(newcomer);
  }
  return {};
}

}  // namespace remapd::embedding
