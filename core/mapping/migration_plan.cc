#include "core/mapping/migration_plan.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "core/mapping/framing.h"

namespace remapd::mapping {
namespace {

constexpr Magic kMagic{'R', 'M', 'P', 'D', 'P', 'L', 'A', 'N'};
constexpr std::uint32_t kFormat = 1;

Error unsound(const std::string& what) {
  return {ErrorCode::kCorrupt, "migration plan: " + what, false};
}

bool ascending_below(const std::vector<Row>& rows, std::uint32_t limit) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].value >= limit || (i > 0 && !(rows[i - 1] < rows[i]))) return false;
  }
  return true;
}

bool all_below(const std::vector<Row>& rows, std::uint32_t limit) {
  return std::all_of(rows.begin(), rows.end(), [&](Row r) { return r.value < limit; });
}

bool proper_weights(const std::vector<float>& weights) {
  return std::all_of(weights.begin(), weights.end(),
                     [](float w) { return std::isfinite(w) && w >= 0 && w <= 1.0F; });
}

// Within what rounding each of them to a float can do.
bool sums_to_one(std::span<const float> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  return std::abs(sum - 1) < 1e-3;
}

Result<void> check(const MigrationPlan& plan) {
  const std::size_t rows = plan.changed.size();
  if (plan.from_rows == 0 || plan.to_rows == 0) return fail(unsound("a table without rows"));
  if (plan.source_begin.size() != rows + 1 || plan.state.size() != rows ||
      plan.weights.size() != plan.sources.size() || plan.source_begin.front() != 0 ||
      plan.source_begin.back() != plan.sources.size() ||
      plan.restart_weights.size() != plan.restart_sources.size() ||
      !std::is_sorted(plan.source_begin.begin(), plan.source_begin.end())) {
    return fail(unsound("sizes do not agree"));
  }
  if (!ascending_below(plan.changed, plan.to_rows) ||
      !ascending_below(plan.restarted, plan.to_rows) || !all_below(plan.sources, plan.from_rows) ||
      !all_below(plan.restart_sources, plan.from_rows)) {
    return fail(unsound("a row is out of range or out of order"));
  }
  if (!proper_weights(plan.weights) || !proper_weights(plan.restart_weights)) {
    return fail(unsound("a weight is not in [0, 1]"));
  }
  for (std::size_t i = 0; i < rows; ++i) {
    if (!sums_to_one(
            std::span(plan.weights)
                .subspan(plan.source_begin[i], plan.source_begin[i + 1] - plan.source_begin[i]))) {
      return fail(unsound("the weights of a row do not sum to 1"));
    }
  }
  if (!plan.restart_weights.empty() && !sums_to_one(plan.restart_weights)) {
    return fail(unsound("the weights of restarted rows do not sum to 1"));
  }
  std::vector<Row> both;
  std::set_intersection(plan.changed.begin(), plan.changed.end(), plan.restarted.begin(),
                        plan.restarted.end(), std::back_inserter(both));
  if (!both.empty()) return fail(unsound("a row is both changed and restarted"));
  for (const StateRule rule : plan.state) {
    if (rule != StateRule::kCarry && rule != StateRule::kReset) {
      return fail(unsound("unknown state rule"));
    }
  }
  return {};
}

// sum of weight * old row, for sources [begin, end).
void mix(std::span<const float> old, std::size_t columns, std::span<const Row> sources,
         std::span<const float> weights, float* out) {
  std::fill_n(out, columns, 0.0F);
  for (std::size_t j = 0; j < sources.size(); ++j) {
    const float* row = old.data() + std::size_t{sources[j].value} * columns;
    for (std::size_t k = 0; k < columns; ++k) out[k] += weights[j] * row[k];
  }
}

Result<void> check_shape(const MigrationPlan& plan, std::size_t size, std::size_t columns) {
  const std::size_t rows = std::max(plan.from_rows, plan.to_rows);
  if (columns > 0 && size == rows * columns) return {};
  return fail(ErrorCode::kInvalidArgument, "migration of table \"" + plan.table +
                                               "\": the matrix has " + std::to_string(size) +
                                               " values, the plan needs " + std::to_string(rows) +
                                               " rows of " + std::to_string(columns) + " columns");
}

}  // namespace

Bytes encode_plan(const MigrationPlan& plan) {
  ByteWriter out;
  out.put_string(plan.table);
  out.put(plan.from.value);
  out.put(plan.to.value);
  out.put(plan.from_rows);
  out.put(plan.to_rows);
  out.put_vector(plan.changed);
  out.put_vector(plan.source_begin);
  out.put_vector(plan.sources);
  out.put_vector(plan.weights);
  out.put_vector(plan.state);
  out.put_vector(plan.restarted);
  out.put_vector(plan.restart_sources);
  out.put_vector(plan.restart_weights);
  return frame(kMagic, kFormat, out.bytes());
}

Result<MigrationPlan> decode_plan(ByteView bytes) {
  auto payload = unframe(kMagic, kFormat, bytes, "migration plan");
  if (!payload) return fail(std::move(payload).error());
  ByteReader in(*payload);
  MigrationPlan plan;
  plan.table = in.get_string();
  plan.from = Version{in.get<std::uint64_t>()};
  plan.to = Version{in.get<std::uint64_t>()};
  plan.from_rows = in.get<std::uint32_t>();
  plan.to_rows = in.get<std::uint32_t>();
  plan.changed = in.get_vector<Row>();
  plan.source_begin = in.get_vector<std::uint32_t>();
  plan.sources = in.get_vector<Row>();
  plan.weights = in.get_vector<float>();
  plan.state = in.get_vector<StateRule>();
  plan.restarted = in.get_vector<Row>();
  plan.restart_sources = in.get_vector<Row>();
  plan.restart_weights = in.get_vector<float>();
  if (!in.ok() || in.remaining() != 0) return fail(unsound("cut short or too long"));
  if (auto ok = check(plan); !ok) return fail(std::move(ok).error());
  return plan;
}

namespace {

// Rows of the plan into `values`; rows whose state is reset get `*reset` where it is given.
Result<void> migrate(const MigrationPlan& plan, std::span<float> values, std::size_t columns,
                     const float* reset) {
  if (auto ok = check_shape(plan, values.size(), columns); !ok) return ok;
  std::vector<float> mixed(plan.changed.size() * columns);
  for (std::size_t i = 0; i < plan.changed.size(); ++i) {
    const std::size_t begin = plan.source_begin[i];
    const std::size_t count = plan.source_begin[i + 1] - begin;
    mix(values, columns, std::span(plan.sources).subspan(begin, count),
        std::span(plan.weights).subspan(begin, count), mixed.data() + i * columns);
  }
  std::vector<float> restart(columns);
  mix(values, columns, plan.restart_sources, plan.restart_weights, restart.data());
  if (reset != nullptr) std::fill(restart.begin(), restart.end(), *reset);

  for (std::size_t i = 0; i < plan.changed.size(); ++i) {
    float* row = values.data() + std::size_t{plan.changed[i].value} * columns;
    if (reset != nullptr && plan.state[i] == StateRule::kReset) {
      std::fill_n(row, columns, *reset);
    } else {
      std::copy_n(mixed.data() + i * columns, columns, row);
    }
  }
  for (const Row row : plan.restarted) {
    std::copy_n(restart.data(), columns, values.data() + std::size_t{row.value} * columns);
  }
  return {};
}

}  // namespace

Result<void> apply(const MigrationPlan& plan, std::span<float> matrix, std::size_t columns) {
  return migrate(plan, matrix, columns, nullptr);
}

Result<void> apply_to_state(const MigrationPlan& plan, std::span<float> state, std::size_t columns,
                            float initial) {
  return migrate(plan, state, columns, &initial);
}

}  // namespace remapd::mapping
