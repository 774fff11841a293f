#include "core/placement/migration_planner.h"

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::placement {
namespace {

PlanInput random_input(std::uint64_t seed) {
  Random random(seed);
  PlanInput in;
  in.table = "items";
  in.from = Version{1};
  in.to = Version{2};
  in.from_rows = 1 + static_cast<std::uint32_t>(random.below(40));
  in.to_rows = 1 + static_cast<std::uint32_t>(random.below(40));
  const std::size_t ids = random.below(200);
  std::vector<bool> held(in.to_rows, false);
  for (std::size_t i = 0; i < ids; ++i) {
    const Row old{static_cast<std::uint32_t>(random.below(in.from_rows))};
    const bool stays = random.below(2) == 0 && old.value < in.to_rows;
    const Row now = stays ? old : Row{static_cast<std::uint32_t>(random.below(in.to_rows))};
    in.old_rows.push_back(old);
    in.new_rows.push_back(now);
    in.weights.push_back(0.01F + static_cast<float>(random.uniform() * 100));
    held[now.value] = true;
  }
  for (std::uint32_t row = 0; row < in.to_rows; ++row) {
    if (!held[row] && random.below(2) == 0) in.restarted.push_back(Row{row});
  }
  for (std::uint32_t row = 0; row < in.from_rows; ++row) {
    if (random.below(3) != 0) continue;
    in.restart_sources.push_back(Row{row});
    in.restart_weights.push_back(1 + static_cast<float>(random.uniform()));
  }
  return in;
}

// What migration means, computed the direct way: each new row is the weighted mean of its ids' old
// rows; rows without ids stay, or are restarted.
std::vector<double> by_definition(const PlanInput& in, const std::vector<float>& old,
                                  std::size_t columns) {
  std::vector<double> out(old.begin(), old.end());
  for (std::uint32_t row = 0; row < in.to_rows; ++row) {
    std::vector<double> sum(columns, 0.0);
    double mass = 0;
    for (std::size_t i = 0; i < in.new_rows.size(); ++i) {
      if (in.new_rows[i].value != row) continue;
      mass += in.weights[i];
      for (std::size_t k = 0; k < columns; ++k) {
        sum[k] += in.weights[i] * static_cast<double>(old[in.old_rows[i].value * columns + k]);
      }
    }
    for (std::size_t k = 0; mass > 0 && k < columns; ++k) out[row * columns + k] = sum[k] / mass;
  }
  std::vector<double> restart(columns, 0.0);
  double mass = 0;
  for (const float w : in.restart_weights) mass += w;
  for (std::size_t j = 0; j < in.restart_sources.size(); ++j) {
    for (std::size_t k = 0; k < columns; ++k) {
      restart[k] += in.restart_weights[j] / mass * old[in.restart_sources[j].value * columns + k];
    }
  }
  for (const Row row : in.restarted) {
    for (std::size_t k = 0; k < columns; ++k) out[row.value * columns + k] = restart[k];
  }
  return out;
}

TEST(MigrationPlanner, EqualsTheDefinition) {
  constexpr std::size_t kColumns = 3;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const PlanInput in = random_input(seed);
    const auto plan = mapping::decode_plan(mapping::encode_plan(make_plan(in)));
    ASSERT_TRUE(plan) << "seed " << seed << ": " << plan.error().message;
    Random random(seed + 1000);
    std::vector<float> matrix(std::max(in.from_rows, in.to_rows) * kColumns);
    for (float& x : matrix) x = static_cast<float>(random.normal());
    std::vector<float> state = matrix;
    const std::vector<double> expected = by_definition(in, matrix, kColumns);
    ASSERT_TRUE(apply(*plan, matrix, kColumns));
    ASSERT_TRUE(apply_to_state(*plan, state, kColumns, 0.5F));
    for (std::size_t i = 0; i < matrix.size(); ++i) {
      ASSERT_NEAR(matrix[i], expected[i], 1e-5) << "seed " << seed << " value " << i;
      const Row row{static_cast<std::uint32_t>(i / kColumns)};
      const bool reset =
          std::find(in.restarted.begin(), in.restarted.end(), row) != in.restarted.end();
      ASSERT_NEAR(state[i], reset ? 0.5 : expected[i], 1e-5) << "seed " << seed << " state " << i;
    }
  }
}

TEST(MigrationPlanner, LeavesOutRowsThatNobodyJoined) {
  PlanInput in;
  in.from_rows = in.to_rows = 4;
  in.old_rows = {Row{0}, Row{0}, Row{1}, Row{2}};
  in.new_rows = {Row{0}, Row{3}, Row{1}, Row{1}};
  in.weights = {1, 1, 1, 3};
  const mapping::MigrationPlan plan = make_plan(in);
  EXPECT_EQ(plan.changed, (std::vector<Row>{Row{1}, Row{3}}));
  EXPECT_EQ(plan.sources, (std::vector<Row>{Row{1}, Row{2}, Row{0}}));
  EXPECT_EQ(plan.weights, (std::vector<float>{0.25F, 0.75F, 1.0F}));
}

}  // namespace
}  // namespace remapd::placement
