#include "core/placement/migration_planner.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/parallel.h"

namespace remapd::placement {
namespace {

constexpr std::size_t kRowsPerTask = 16'384;

struct Source {
  Row row;
  double weight;
};

// Weights of the same row added up; ascending by row.
void merge(std::vector<Source>& sources) {
  std::stable_sort(sources.begin(), sources.end(),
                   [](const Source& a, const Source& b) { return a.row < b.row; });
  std::size_t kept = 0;
  for (const Source& source : sources) {
    if (kept > 0 && sources[kept - 1].row == source.row) {
      sources[kept - 1].weight += source.weight;
    } else {
      sources[kept++] = source;
    }
  }
  sources.resize(kept);
}

void append_normalised(std::vector<Source>& sources, std::vector<Row>& rows,
                       std::vector<float>& weights) {
  merge(sources);
  double total = 0;
  for (const Source& source : sources) total += source.weight;
  for (const Source& source : sources) {
    rows.push_back(source.row);
    weights.push_back(static_cast<float>(source.weight / total));
  }
}

}  // namespace

mapping::MigrationPlan make_plan(const PlanInput& in) {
  const std::size_t n = in.new_rows.size();
  REMAPD_CHECK(in.old_rows.size() == n && in.weights.size() == n, "one entry for each id");
  mapping::MigrationPlan plan;
  plan.table = in.table;
  plan.from = in.from;
  plan.to = in.to;
  plan.from_rows = in.from_rows;
  plan.to_rows = in.to_rows;
  plan.source_begin.push_back(0);

  // Ids by new row (counting sort), keeping their order; only of rows that an id joined.
  std::vector<bool> joined(in.to_rows, false);
  for (std::size_t i = 0; i < n; ++i) {
    if (in.old_rows[i] != in.new_rows[i]) joined[in.new_rows[i].value] = true;
  }
  std::vector<std::uint64_t> begin(std::size_t{in.to_rows} + 1, 0);
  for (const Row row : in.new_rows) begin[row.value + 1] += joined[row.value] ? 1 : 0;
  for (std::size_t r = 0; r < in.to_rows; ++r) begin[r + 1] += begin[r];
  std::vector<std::uint32_t> members(begin.back());
  std::vector<std::uint64_t> next(begin.begin(), begin.end() - 1);
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t row = in.new_rows[i].value;
    if (joined[row]) members[next[row]++] = i;
  }

  struct Part {  // of the plan: some rows, ascending
    std::vector<Row> changed;
    std::vector<std::size_t> source_count;
    std::vector<Row> sources;
    std::vector<float> weights;
  };
  std::vector<Part> parts((in.to_rows + kRowsPerTask - 1) / kRowsPerTask);
  parallel_ranges(in.to_rows, kRowsPerTask, [&](std::size_t first, std::size_t end) {
    Part& part = parts[first / kRowsPerTask];
    std::vector<Source> sources;
    for (std::size_t row = first; row < end; ++row) {
      if (!joined[row]) continue;
      sources.clear();
      for (std::uint64_t m = begin[row]; m < begin[row + 1]; ++m) {
        sources.push_back({in.old_rows[members[m]], in.weights[members[m]]});
      }
      append_normalised(sources, part.sources, part.weights);
      part.changed.push_back(Row{static_cast<std::uint32_t>(row)});
      part.source_count.push_back(sources.size());
    }
  });
  for (const Part& part : parts) {
    plan.changed.insert(plan.changed.end(), part.changed.begin(), part.changed.end());
    plan.sources.insert(plan.sources.end(), part.sources.begin(), part.sources.end());
    plan.weights.insert(plan.weights.end(), part.weights.begin(), part.weights.end());
    for (const std::size_t count : part.source_count) {
      plan.source_begin.push_back(plan.source_begin.back() + static_cast<std::uint32_t>(count));
    }
  }
  plan.state.assign(plan.changed.size(), mapping::StateRule::kCarry);

  plan.restarted = in.restarted;
  std::vector<Source> sources;
  for (std::size_t i = 0; i < in.restart_sources.size(); ++i) {
    sources.push_back({in.restart_sources[i], in.restart_weights[i]});
  }
  append_normalised(sources, plan.restart_sources, plan.restart_weights);
  return plan;
}

mapping::MigrationPlan plan_of(RowChanges changes) {
  mapping::MigrationPlan plan;
  plan.table = std::move(changes.table);
  plan.from = changes.from;
  plan.to = changes.to;
  plan.from_rows = changes.rows;
  plan.to_rows = changes.rows;
  plan.source_begin.push_back(0);
  std::stable_sort(changes.sources.begin(), changes.sources.end(),
                   [](const auto& a, const auto& b) { return a.to < b.to; });
  std::vector<Source> sources;
  for (auto at = changes.sources.begin(); at != changes.sources.end();) {
    const Row row = at->to;
    sources.clear();
    for (; at != changes.sources.end() && at->to == row; ++at) {
      sources.push_back({at->from, static_cast<double>(at->weight)});
    }
    append_normalised(sources, plan.sources, plan.weights);
    plan.changed.push_back(row);
    plan.source_begin.push_back(static_cast<std::uint32_t>(plan.sources.size()));
  }
  plan.state.assign(plan.changed.size(), mapping::StateRule::kCarry);

  plan.restarted = std::move(changes.restarted);
  sources.clear();
  for (const Row row : changes.restart_sources) sources.push_back({row, 1});
  if (!plan.restarted.empty()) {
    append_normalised(sources, plan.restart_sources, plan.restart_weights);
  }
  return plan;
}

}  // namespace remapd::placement
