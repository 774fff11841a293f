#include "core/embedding/factorisation_machine.h"

#include <algorithm>
#include <cmath>

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

}  // namespace

FactorisationMachine::FactorisationMachine(const Config& config,
                                           std::span<const std::uint32_t> slot_counts)
    : config_(config), stride_(kFactors + config.factors), step_(config.factors) {
  const std::size_t moments = std::size_t{config.factors + 1} * (config.factors + 1);
  for (const std::uint32_t slots : slot_counts) {
    tables_.push_back({std::vector<float>(slots * stride_, 0.0F), std::vector<double>(moments, 0.0),
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

void FactorisationMachine::forward(const SlotBatch& batch) {
  const std::size_t k = config_.factors;
  sums_.assign(batch.samples * k, 0.0F);
  gradient_.assign(batch.samples, 0.0F);
  logit_.assign(batch.samples, 0.0F);
  for (std::size_t s = 0; s < batch.samples; ++s) {
    const float label = batch.labels[s];
    float* sum = sums_.data() + s * k;
    float logit = bias_;
    float squares = 0;
    for (const SlotBatch::Column& column : batch.columns) {
      for (const Slot slot : column.of(s)) {
        if (slot == kNoSlot) continue;
        const float* p = at(tables_[column.table.value], slot);
        logit += p[kBias];
        for (std::size_t j = 0; j < k; ++j) {
          const float v = p[kFactors + j];
          sum[j] += v;
          squares += v * v;
        }
      }
    }
    if (std::isnan(label)) continue;
    float norm = 0;
    for (std::size_t j = 0; j < k; ++j) norm += sum[j] * sum[j];
    logit += 0.5F * (norm - squares);
    logit_[s] = logit;
    gradient_[s] = (probability(logit) - label) * batch.weights[s];
  }
}

void FactorisationMachine::update_moments(const SlotBatch::Column& column, std::size_t samples) {
  const std::size_t k = config_.factors;
  Table& table = tables_[column.table.value];
  for (double& m : table.moments) m *= config_.moment_decay;
  std::vector<float> context(k + 1);
  context[0] = 1;
  for (std::size_t s = 0; s < samples; ++s) {
    for (const Slot slot : column.of(s)) {
      if (slot == kNoSlot) continue;
      const float* v = at(table, slot) + kFactors;
      for (std::size_t j = 0; j < k; ++j) context[j + 1] = sums_[s * k + j] - v[j];
      for (std::size_t a = 0; a <= k; ++a) {
        for (std::size_t b = 0; b <= a; ++b) {
          table.moments[a * (k + 1) + b] += static_cast<double>(context[a]) * context[b];
        }
      }
    }
  }
}

void FactorisationMachine::update_table(std::uint32_t index, const SlotBatch& batch) {
  const std::size_t k = config_.factors;
  occurrences_.clear();
  for (const SlotBatch::Column& column : batch.columns) {
    if (column.table.value != index) continue;
    for (std::uint32_t s = 0; s < gradient_.size(); ++s) {
      if (gradient_[s] == 0) continue;
      for (const Slot slot : column.of(s)) {
        if (slot != kNoSlot) occurrences_.emplace_back(slot, s);
      }
    }
  }
  std::sort(occurrences_.begin(), occurrences_.end());
  Table& table = tables_[index];
  for (std::size_t at_first = 0; at_first < occurrences_.size();) {
    const Slot slot = occurrences_[at_first].first;
    float* p = at(table, slot);
    float* v = p + kFactors;
    float bias_step = 0;
    std::fill(step_.begin(), step_.end(), 0.0F);
    std::size_t i = at_first;
    for (; i < occurrences_.size() && occurrences_[i].first == slot; ++i) {
      const std::uint32_t s = occurrences_[i].second;
      const float g = gradient_[s];
      bias_step += g;
      for (std::size_t j = 0; j < k; ++j) step_[j] += g * (sums_[s * k + j] - v[j]);
    }
    at_first = i;
    step(p, bias_step, step_);
  }
}

// One Adagrad step of an id's parameters.
void FactorisationMachine::step(float* p, float bias_gradient,
                                std::span<float> factor_gradient) const {
  float squares = 0;
  for (const float g : factor_gradient) squares += g * g;
  p[kBiasSquares] += bias_gradient * bias_gradient;
  p[kFactorSquares] += squares / static_cast<float>(factor_gradient.size());
  p[kBias] -= config_.learning_rate * bias_gradient / std::sqrt(p[kBiasSquares] + kAdagradFloor);
  const float rate = config_.learning_rate / std::sqrt(p[kFactorSquares] + kAdagradFloor);
  for (std::size_t j = 0; j < factor_gradient.size(); ++j)
    p[kFactors + j] -= rate * factor_gradient[j];
}

void FactorisationMachine::update_newcomer(const SlotBatch::Column& column,
                                           std::span<const float> labels) {
  const std::size_t k = config_.factors;
  Table& table = tables_[column.table.value];
  const float* typical = table.newcomer.data();
  table.residual_products *= kNewcomerDecay;
  table.residual_squares *= kNewcomerDecay;
  float bias_gradient = 0;
  std::fill(step_.begin(), step_.end(), 0.0F);
  bool any = false;
  for (std::size_t s = 0; s < gradient_.size(); ++s) {
    if (std::isnan(labels[s])) continue;
    for (std::uint32_t i = column.begin[s]; i < column.begin[s + 1]; ++i) {
      if (column.newcomer[i] == 0 || column.slots[i] == kNoSlot) continue;
      // The same sample with the typical newcomer in place of this id.
      float* p = at(table, column.slots[i]);
      float logit = logit_[s] + typical[kBias] - p[kBias];
      for (std::size_t j = 0; j < k; ++j) {
        const float context = sums_[s * k + j] - p[kFactors + j];
        logit += context * (typical[kFactors + j] - p[kFactors + j]);
      }
      const float g = probability(logit) - labels[s];
      bias_gradient += g;
      for (std::size_t j = 0; j < k; ++j) step_[j] += g * (sums_[s * k + j] - p[kFactors + j]);
      if (p[kResidual] != 0) {
        table.residual_products += static_cast<double>(p[kResidual]) * g;
        table.residual_squares +=
            0.5 * (static_cast<double>(p[kResidual]) * p[kResidual] + static_cast<double>(g) * g);
      }
      p[kResidual] = g;
      any = true;
    }
  }
  if (any) step(table.newcomer.data(), bias_gradient, step_);
}

double FactorisationMachine::newcomer_persistence(TableIndex table) const {
  const Table& t = tables_[table.value];
  return t.residual_squares > 0 ? t.residual_products / t.residual_squares : 0.0;
}

void FactorisationMachine::learn(const SlotBatch& batch) {
  forward(batch);
  for (const SlotBatch::Column& column : batch.columns) update_moments(column, batch.samples);
  float total = 0;
  for (const float g : gradient_) total += g;
  for (const SlotBatch::Column& column : batch.columns) update_newcomer(column, batch.labels);
  // All gradients were taken at the same parameters; sums_ holds what the factors' need.
  for (std::uint32_t t = 0; t < tables_.size(); ++t) update_table(t, batch);
  if (total != 0) {
    bias_squares_ += total * total;
    bias_ -= config_.learning_rate * total / std::sqrt(bias_squares_ + kAdagradFloor);
  }
}

std::vector<float> FactorisationMachine::embed(TableIndex table,
                                               std::span<const Slot> slots) const {
  const std::size_t d = dimension();
  const Table& t = tables_[table.value];
  Eigen::MatrixXd moments(d, d);
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      moments(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)) = t.moments[a * d + b];
      moments(static_cast<Eigen::Index>(b), static_cast<Eigen::Index>(a)) = t.moments[a * d + b];
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
  for (const Table& table : tables_) bytes += table.parameters.size() * sizeof(float);
  return bytes;
}

void FactorisationMachine::save(ByteWriter& out) const {
  out.put(bias_);
  out.put(bias_squares_);
  for (const Table& table : tables_) {
    out.put_vector(table.parameters);
    out.put_vector(table.moments);
    out.put_vector(table.newcomer);
    out.put(table.residual_products);
    out.put(table.residual_squares);
  }
}

Result<void> FactorisationMachine::load(ByteReader& in) {
  bias_ = in.get<float>();
  bias_squares_ = in.get<float>();
  for (Table& table : tables_) {
    auto parameters = in.get_vector<float>();
    auto moments = in.get_vector<double>();
    auto newcomer = in.get_vector<float>();
    table.residual_products = in.get<double>();
    table.residual_squares = in.get<double>();
    if (!in.ok() || parameters.size() != table.parameters.size() ||
        moments.size() != table.moments.size() || newcomer.size() != table.newcomer.size()) {
      return fail(ErrorCode::kCorrupt, "factorisation machine: wrong size");
    }
    table.parameters = std::move(parameters);
    table.moments = std::move(moments);
    table.newcomer = std::move(newcomer);
  }
  return {};
}

}  // namespace remapd::embedding
