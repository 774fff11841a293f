#include "core/embedding/factorisation_machine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <Eigen/Dense>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/embedding/context_moments.h"

namespace remapd::embedding {
namespace {

constexpr float kAdagradFloor = 0.1F;
constexpr float kLeastKept = 0.02F;                // of factors
constexpr float kCommonMemory = 1 - 1.0F / 1'024;  // per mini-batch
constexpr double kNewIdDecay = 0.9995;             // per mini-batch
constexpr std::size_t kStretchContexts = 4'096;    // learned while the moments before are summed
constexpr std::size_t kTaskContexts = 1'024;       // fewer are not worth a task of their own

float probability(float logit) {
  return 1.0F / (1.0F + std::exp(-std::clamp(logit, -30.0F, 30.0F)));
}

// Four factors at a time, lane by lane: the same sums on every instruction set.
using Floats = float __attribute__((vector_size(16)));

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
// Square roots of both, each rounded as std::sqrt does, but at once.
[[gnu::always_inline]] inline void two_square_roots(const float* from, float* to) {
#if defined(__SSE2__)
  const __m128 both = _mm_sqrt_ps(_mm_setr_ps(from[0], from[1], 1.0F, 1.0F));
  to[0] = both[0];
  to[1] = both[1];
#else
  to[0] = std::sqrt(from[0]);
  to[1] = std::sqrt(from[1]);
#endif
}

}  // namespace

FactorisationMachine::FactorisationMachine(const Config& config,
                                           std::span<const std::uint32_t> slot_counts)
    : config_(config), stride_(kFactors + config.factors), step_(config.factors) {
  for (const std::uint32_t slots : slot_counts) {
    tables_.push_back(
        {HugeArray<float>(slots * stride_),
         std::vector<double>((config.factors + 1) * moment_stride(config.factors), 0.0),
         std::vector<float>(stride_, 0.0F), 0, 0, AccessHorizon(slots)});
  }
}

void FactorisationMachine::admit(TableIndex table, std::span<const Slot> slots,
                                 std::span<const Id> ids) {
  constexpr std::size_t kAhead = 16;
  // Uniform in [-bound, bound]: a normal distribution learns no better and takes logarithms.
  const float bound = config_.initial_scale * std::sqrt(3.0F);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i + kAhead < slots.size()) prefetch(tables_[table.value], slots.subspan(i + kAhead, 1));
    float* p = at(tables_[table.value], slots[i]);
    // The slot's last id was evicted.
    AccessHorizon& horizon = tables_[table.value].horizon;
    if (horizon.settled(p[kBiasSquares])) horizon.count_settled(false);
    std::fill_n(p, kFactors, 0.0F);
    Random random(hash_id(ids[i], config_.seed));
    for (std::uint32_t k = 0; k < config_.factors; ++k) {
      p[kFactors + k] = bound * (2.0F * static_cast<float>(random.uniform()) - 1.0F);
    }
  }
}

void FactorisationMachine::prefetch(const Table& table, std::span<const Slot> slots) const {
  for (const Slot slot : slots) {
    const float* p = at(table, slot);
    __builtin_prefetch(p, 1);
    __builtin_prefetch(p + stride_ - 1, 1);
  }
}

// Fetches the parameters for a stretch: the mini-batches from `begin` on, up to `end`, until enough
// contexts are together. Returns where it ends. All at once, they wait for each other least.
std::size_t FactorisationMachine::prefetch_stretch(const SlotBatch& batch,
                                                   std::span<const IdGroups> groups,
                                                   std::size_t begin, std::size_t end) const {
  std::size_t at = begin;
  for (std::size_t contexts = 0; at < end && contexts < kStretchContexts; ++at) {
    for (std::size_t t = 0; t + 1 < table_begin_.size(); ++t) {
      const std::uint32_t table = table_of(batch, t);
      prefetch(tables_[table], groups[table].ids(at));
      contexts += groups[table].accesses(at).size();
    }
  }
  return at;
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
      for (const Slot slot : column.of(s)) {
        if (slot == kNoSlot) continue;
        const float* p = at(table, slot);
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

// The moments of a table's contexts that end in [first, last) of context_ends_, in their order.
void FactorisationMachine::update_moments(Table& table, std::size_t columns, std::size_t t,
                                          std::size_t first, std::size_t last) {
  for (std::size_t run = first; run < last; run += columns) {
    for (std::size_t at = run + table_begin_[t]; at < run + table_begin_[t + 1]; ++at) {
      const std::size_t begin = contexts_before(at);
      for (double& moment : table.moments) moment *= config_.moment_decay;
      add_context_moments(context(begin), context_ends_[at] - begin, config_.factors,
                          table.moments.data());
    }
  }
}

// One Adagrad step of an id's parameters. Adds the squares of its gradients.
template <std::size_t kFour>
[[gnu::always_inline]] inline void FactorisationMachine::step(float* p, float bias_gradient,
                                                              const float* factor_gradient,
                                                              Squares& squares) const {
  const std::size_t k = kFour != 0 ? 4 * kFour : config_.factors;
  Floats of_factors{};
  for (std::size_t j = 0; j < k; j += 4) {
    const Floats g = four_at(factor_gradient + j);
    of_factors += g * g;
  }
  const Squares now{bias_gradient * bias_gradient, total(of_factors) / static_cast<float>(k)};
  squares.bias += now.bias;
  squares.factors += now.factors;
  p[kBiasSquares] += now.bias;
  p[kFactorSquares] += now.factors;
  const float floored[2] = {p[kBiasSquares] + kAdagradFloor, p[kFactorSquares] + kAdagradFloor};
  float scale[2];
  two_square_roots(floored, scale);
  p[kBias] -= config_.learning_rate * bias_gradient / scale[0];
  const float rate = config_.learning_rate / scale[1];
  for (std::size_t j = 0; j < k; j += 4) {
    put_four(p + kFactors + j, four_at(p + kFactors + j) - rate * four_at(factor_gradient + j));
  }
}

// All gradients are taken at the same parameters, which stay as they are until all are summed.
// Those of the next mini-batch's ids are brought nearer on the way: of a whole stretch they do not
// fit the nearest cache.
template <std::size_t kFour>
void FactorisationMachine::update_table(Table& table, const IdGroups& groups,
                                        std::size_t mini_batch) {
  const std::size_t k = kFour != 0 ? 4 * kFour : config_.factors;
  const std::span<const Slot> ids = groups.ids(mini_batch);
  const std::span<const Slot> next_ids = groups.ids(mini_batch + 1);
  std::size_t fetched = 0;
  float* const contexts = context(contexts_used());
  bias_gradients_.assign(ids.size(), 0.0F);
  factor_gradients_.assign(ids.size() * k, 0.0F);
  for (const IdGroups::Access& access : groups.accesses(mini_batch)) {
    if (fetched < next_ids.size()) prefetch(table, next_ids.subspan(fetched++, 1));
    const float g = gradient_[access.sample];
    const float* sum = context_sum(access.sample);
    const float* v = at(table, ids[access.id]) + kFactors;
    float* other = contexts + access.position * k;
    float* gradient = factor_gradients_.data() + access.id * k;
    bias_gradients_[access.id] += g;
    for (std::size_t j = 0; j < k; j += 4) {
      const Floats o = four_at(sum + j) - four_at(v + j);
      put_four(other + j, o);
      put_four(gradient + j, four_at(gradient + j) + g * o);
    }
  }
  prefetch(table, next_ids.subspan(fetched));
  const std::size_t before = contexts_used();
  for (const std::uint32_t end : groups.column_ends(mini_batch)) {
    context_ends_.push_back(before + end);
  }
  AccessHorizon& horizon = table.horizon;
  const auto [bias_bound, factor_bound] = horizon.bound();
  Squares squares{0, 0};
  for (std::size_t id = 0; id < ids.size(); ++id) {
    float* const p = at(table, ids[id]);
    const float bias_gradient = bias_gradients_[id];
    const float* const gradient = factor_gradients_.data() + id * k;
    const bool was_settled = horizon.settled(p[kBiasSquares]);
    if (p[kBiasSquares] > bias_bound || p[kFactorSquares] > factor_bound) [[unlikely]] {
      forget(p, horizon);
    }
    step<kFour>(p, bias_gradient, gradient, squares);
    p[kBiasSquares] = std::min(p[kBiasSquares], bias_bound);
    p[kFactorSquares] = std::min(p[kFactorSquares], factor_bound);
    const bool is_settled = horizon.settled(p[kBiasSquares]);
    if (was_settled && is_settled) [[likely]] {
      // Another coordinate for each slot, so that a table's ids cover all.
      const std::size_t at = ids[id] % (k + 1);
      const float now = at == 0 ? bias_gradient : gradient[at - 1];
      horizon.compare(p[kLast], now, at == 0);
      p[kLast] = now;
    } else if (was_settled != is_settled) {
      horizon.count_settled(is_settled);
      p[kLast] = 0;
    }
  }
  horizon.advance(static_cast<std::uint32_t>(ids.size()), squares);
}

// What the horizon has left behind since the id was last learned.
void FactorisationMachine::forget(float* p, const AccessHorizon& horizon) const {
  const auto [bias_bound, factor_bound] = horizon.bound();
  if (!horizon.forgets_parameters()) {
    p[kBiasSquares] = std::min(p[kBiasSquares], bias_bound);
    p[kFactorSquares] = std::min(p[kFactorSquares], factor_bound);
    return;
  }
  if (p[kBiasSquares] > bias_bound) {
    const float kept = AccessHorizon::kept(horizon.accesses(), p[kBiasSquares], bias_bound);
    p[kBiasSquares] = kept * bias_bound;
    p[kBias] *= kept;
  }
  if (p[kFactorSquares] > factor_bound) {
    const float kept = AccessHorizon::kept(horizon.accesses(), p[kFactorSquares], factor_bound);
    p[kFactorSquares] = kept * factor_bound;
    // Not to zero: ids without factors learn nothing from each other.
    const float shrunk = std::max(kept, kLeastKept);
    for (std::size_t j = 0; j < config_.factors; ++j) p[kFactors + j] *= shrunk;
  }
}

template <std::size_t kFour>
void FactorisationMachine::update_typical_new_id(const SlotBatch::Column& column,
                                                 std::span<const float> labels, std::size_t first,
                                                 std::size_t last) {
  const std::size_t k = kFour != 0 ? 4 * kFour : config_.factors;
  Table& table = tables_[column.table.value];
  const float* typical = table.typical_new_id.data();
  table.residual_products *= kNewIdDecay;
  table.residual_squares *= kNewIdDecay;
  const auto flags = std::span(column.is_new_id)
                         .subspan(column.begin[first], column.begin[last] - column.begin[first]);
  if (std::find(flags.begin(), flags.end(), 1) == flags.end()) return;
  float bias_gradient = 0;
  std::fill(step_.begin(), step_.end(), 0.0F);
  bool any = false;
  for (std::size_t s = first; s < last; ++s) {
    if (std::isnan(labels[s])) continue;
    const float* sum = context_sum(s - first);
    for (std::uint32_t i = column.begin[s]; i < column.begin[s + 1]; ++i) {
      if (column.is_new_id[i] == 0 || column.slots[i] == kNoSlot) continue;
      // The same sample with the typical new id in place of this id.
      float* p = at(table, column.slots[i]);
      const float* v = p + kFactors;
      Floats change{};
      for (std::size_t j = 0; j < k; j += 4) {
        change += (four_at(sum + j) - four_at(v + j)) *
                  (four_at(typical + kFactors + j) - four_at(v + j));
      }
      const float logit = logit_[s - first] + typical[kBias] - p[kBias] + total(change);
      const float g = probability(logit) - labels[s];
      bias_gradient += g;
      for (std::size_t j = 0; j < k; j += 4) {
        const Floats context = four_at(sum + j) - four_at(v + j);
        put_four(step_.data() + j, four_at(step_.data() + j) + g * context);
      }
      if (!table.horizon.settled(p[kBiasSquares])) {
        const auto before = static_cast<double>(p[kLast]);
        const auto now = static_cast<double>(g);
        if (before != 0) {
          table.residual_products += before * now;
          table.residual_squares += 0.5 * (before * before + now * now);
        }
        p[kLast] = g;
      }
      any = true;
    }
  }
  if (!any) return;
  float* const p = table.typical_new_id.data();
  p[kBiasSquares] *= kCommonMemory;
  p[kFactorSquares] *= kCommonMemory;
  Squares squares{0, 0};
  step<kFour>(p, bias_gradient, step_.data(), squares);
}

std::optional<double> FactorisationMachine::new_id_persistence(TableIndex table) const {
  const Table& t = tables_[table.value];
  if (t.residual_squares <= 0) return std::nullopt;
  return t.residual_products / t.residual_squares;
}

void FactorisationMachine::sort_columns(const SlotBatch& batch) {
  by_table_.resize(batch.columns.size());
  std::iota(by_table_.begin(), by_table_.end(), 0U);
  const auto table = [&](std::uint32_t column) { return batch.columns[column].table.value; };
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    return table(a) != table(b) ? table(a) < table(b) : a < b;
  };
  if (!std::is_sorted(by_table_.begin(), by_table_.end(), before)) {
    std::sort(by_table_.begin(), by_table_.end(), before);
  }
  table_begin_.clear();
  for (std::uint32_t at = 0; at < by_table_.size(); ++at) {
    if (at == 0 || table(by_table_[at]) != table(by_table_[at - 1])) table_begin_.push_back(at);
  }
  table_begin_.push_back(static_cast<std::uint32_t>(by_table_.size()));
}

template <std::size_t kFour>
void FactorisationMachine::learn_mini_batch(const SlotBatch& batch,
                                            std::span<const IdGroups> groups, std::size_t first,
                                            std::size_t last, std::size_t mini_batch) {
  forward<kFour>(batch, first, last);
  float total_gradient = 0;
  for (const float g : gradient_) total_gradient += g;
  for (const SlotBatch::Column& column : batch.columns) {
    update_typical_new_id<kFour>(column, batch.labels, first, last);
  }
  for (std::size_t t = 0; t + 1 < table_begin_.size(); ++t) {
    const std::uint32_t table = table_of(batch, t);
    update_table<kFour>(tables_[table], groups[table], mini_batch);
  }
  if (total_gradient != 0) {
    bias_squares_ = kCommonMemory * bias_squares_ + total_gradient * total_gradient;
    bias_ -= config_.learning_rate * total_gradient / std::sqrt(bias_squares_ + kAdagradFloor);
  }
}

template <std::size_t kFour>
void FactorisationMachine::learn_with(const SlotBatch& batch, std::span<const IdGroups> groups,
                                      std::size_t first, std::size_t mini_batch) {
  sort_columns(batch);
  std::size_t ids = 0;
  for (const SlotBatch::Column& column : batch.columns) {
    ids += column.begin[batch.samples] - column.begin[first];
  }
  if (contexts_.size() < ids * config_.factors) contexts_.resize(ids * config_.factors);
  context_ends_.clear();
  // Mini-batches follow one another; meanwhile the moments of those before them are summed.
  const std::size_t columns = batch.columns.size();
  const std::size_t tables = table_begin_.size() - 1;
  const std::size_t end = (batch.samples + mini_batch - 1) / mini_batch;
  std::size_t next = first / mini_batch;
  context_ends_.reserve((end - next) * columns);
  std::size_t summed = 0;
  for (bool more = true; more;) {
    const std::size_t listed = context_ends_.size();
    const std::size_t contexts = contexts_used();
    const std::size_t tasks =
        std::min(tables, (contexts - contexts_before(summed)) / kTaskContexts + 1);
    more = next < end;
    parallel_pieces(1 + tasks, [&](std::size_t piece) {
      if (piece == 0) {
        for (const std::size_t last = prefetch_stretch(batch, groups, next, end); next < last;
             ++next) {
          learn_mini_batch<kFour>(batch, groups, next * mini_batch,
                                  std::min(batch.samples, (next + 1) * mini_batch), next);
        }
        return;
      }
      for (std::size_t t = (piece - 1) * tables / tasks; t < piece * tables / tasks; ++t) {
        update_moments(tables_[table_of(batch, t)], columns, t, summed, listed);
      }
    });
    summed = listed;
  }
}

void FactorisationMachine::learn(const SlotBatch& batch, std::span<const IdGroups> groups,
                                 std::size_t first, std::size_t mini_batch) {
  switch (config_.factors) {
    case 4:
      return learn_with<1>(batch, groups, first, mini_batch);
    case 8:
      return learn_with<2>(batch, groups, first, mini_batch);
    default:
      return learn_with<0>(batch, groups, first, mini_batch);
  }
}

std::vector<float> FactorisationMachine::metric(TableIndex table) const {
  const std::size_t d = dimension();
  const Table& t = tables_[table.value];
  Eigen::MatrixXd moments(d, d);
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      moments(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)) =
          t.moments[a * moment_stride(config_.factors) + b];
      moments(static_cast<Eigen::Index>(b), static_cast<Eigen::Index>(a)) =
          t.moments[a * moment_stride(config_.factors) + b];
    }
  }
  moments /= std::max(moments(0, 0), 1.0);
  // A little of the identity keeps directions apart that the recent traffic happened not to use.
  moments +=
      1e-4 * Eigen::MatrixXd::Identity(static_cast<Eigen::Index>(d), static_cast<Eigen::Index>(d));
  const Eigen::MatrixXd factor = moments.llt().matrixU();
  std::vector<float> out(d * d);
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b < d; ++b) {
      out[a * d + b] =
          static_cast<float>(factor(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)));
    }
  }
  return out;
}

std::vector<float> FactorisationMachine::embed(TableIndex table, std::span<const Slot> slots,
                                               std::span<const float> metric) const {
  const std::size_t d = dimension();
  REMAPD_CHECK(metric.size() == d * d, "a metric is of this machine");
  const Table& t = tables_[table.value];
  std::vector<float> out(slots.size() * d);
  constexpr std::size_t kPiece = 4'096;  // ids
  parallel_ranges(slots.size(), kPiece, [&](std::size_t begin, std::size_t end) {
    std::vector<float> x(d);
    for (std::size_t i = begin; i < end; ++i) {
      const float* p = at(t, slots[i]);
      x[0] = p[kBias];
      std::copy_n(p + kFactors, d - 1, x.begin() + 1);
      for (std::size_t a = 0; a < d; ++a) {
        float sum = 0;
        for (std::size_t b = a; b < d; ++b) sum += metric[a * d + b] * x[b];
        out[i * d + a] = sum;
      }
    }
  });
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
    for (std::size_t b = 0; b <= a; ++b)
      out[a * d + b] = table.moments[a * moment_stride(config_.factors) + b];
  }
  return out;
}

void FactorisationMachine::save(StateWriter& out) const {
  out.small().put(bias_);
  out.small().put(bias_squares_);
  for (const Table& table : tables_) {
    out.add_sparse(table.parameters.span());
    out.small().put_vector(packed_moments(table));
    out.small().put_vector(table.typical_new_id);
    out.small().put(table.residual_products);
    out.small().put(table.residual_squares);
    table.horizon.save(out.small());
  }
}

Result<void> FactorisationMachine::load(ByteReader& in) {
  const std::size_t d = dimension();
  bias_ = in.get<float>();
  bias_squares_ = in.get<float>();
  for (Table& table : tables_) {
    in.get_sparse_ranges(table.parameters.span());
    const auto moments = in.get_vector<double>();
    auto typical = in.get_vector<float>();
    table.residual_products = in.get<double>();
    table.residual_squares = in.get<double>();
    if (!table.horizon.load(in) || moments.size() != d * d ||
        typical.size() != table.typical_new_id.size()) {
      return fail(ErrorCode::kCorrupt, "factorisation machine: wrong size");
    }
    for (std::size_t a = 0; a < d; ++a) {
      std::copy_n(
          moments.begin() + static_cast<std::ptrdiff_t>(a * d), a + 1,
          table.moments.begin() + static_cast<std::ptrdiff_t>(a * moment_stride(config_.factors)));
    }
    table.typical_new_id = std::move(typical);
  }
  return {};
}

}  // namespace remapd::embedding
