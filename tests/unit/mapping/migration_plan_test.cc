#include "core/mapping/migration_plan.h"

#include <limits>

#include <gtest/gtest.h>

#include "core/mapping/framing.h"
#include "tests/support/golden.h"

namespace remapd::mapping {
namespace {

MigrationPlan example() {
  MigrationPlan plan;
  plan.table = "items";
  plan.from = Version{1};
  plan.to = Version{2};
  plan.from_rows = plan.to_rows = 4;
  plan.changed = {Row{0}, Row{1}};
  plan.source_begin = {0, 2, 3};
  plan.sources = {Row{0}, Row{1}, Row{0}};
  plan.weights = {0.5F, 0.5F, 1.0F};
  plan.state = {StateRule::kCarry, StateRule::kReset};
  plan.restarted = {Row{3}};
  plan.restart_sources = {Row{2}};
  plan.restart_weights = {1.0F};
  return plan;
}

TEST(MigrationPlan, ReadsAllOldValuesBeforeItWrites) {
  std::vector<float> matrix{1, 3, 5, 7};
  ASSERT_TRUE(apply(example(), matrix, 1));
  EXPECT_EQ(matrix, (std::vector<float>{2, 1, 5, 5}));
}

TEST(MigrationPlan, CarriesOrResetsState) {
  std::vector<float> state{1, 3, 5, 7};
  ASSERT_TRUE(apply_to_state(example(), state, 1, 0.1F));
  EXPECT_EQ(state, (std::vector<float>{2, 0.1F, 5, 0.1F}));
}

TEST(MigrationPlan, RefusesAMatrixOfAnotherShape) {
  std::vector<float> matrix(7);
  const auto result = apply(example(), matrix, 2);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(apply(example(), matrix, 0));
}

TEST(MigrationPlan, SurvivesEncoding) {
  const auto plan = decode_plan(encode_plan(example()));
  ASSERT_TRUE(plan);
  EXPECT_EQ(encode_plan(*plan), encode_plan(example()));
}

TEST(MigrationPlan, WritesAndReadsTheGoldenFile) {
  const Bytes bytes = encode_plan(example());
  const Bytes golden = support::golden("migration-plan-v1.remapd", bytes);
  EXPECT_EQ(bytes, golden);
  const auto plan = decode_plan(golden);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->table, "items");
  EXPECT_EQ(plan->from, Version{1});
  EXPECT_EQ(plan->to, Version{2});
  std::vector<float> matrix{1, 3, 5, 7};
  ASSERT_TRUE(apply(*plan, matrix, 1));
  EXPECT_EQ(matrix, (std::vector<float>{2, 1, 5, 5}));
}

TEST(MigrationPlan, RefusesPlansThatContradictThemselves) {
  const auto refused = [](auto&& change) {
    MigrationPlan plan = example();
    change(plan);
    return !decode_plan(encode_plan(plan));
  };
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.changed[1] = Row{4}; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.changed[1] = Row{0}; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.sources[0] = Row{9}; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.weights[0] = -1; }));
  EXPECT_TRUE(
      refused([](MigrationPlan& p) { p.weights[0] = std::numeric_limits<float>::quiet_NaN(); }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.weights.pop_back(); }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.source_begin = {0, 3, 2}; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.source_begin.clear(); }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.state[0] = static_cast<StateRule>(7); }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.restarted = {Row{4}}; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.to_rows = 0; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.restarted = {Row{1}}; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.weights[0] = 0.9F; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.source_begin = {0, 3, 3}; }));
  EXPECT_TRUE(refused([](MigrationPlan& p) { p.restart_weights[0] = 0.5F; }));
}

TEST(MigrationPlan, RefusesWhatFollowsItsEnd) {
  const Bytes good = encode_plan(example());
  Bytes payload(good.begin() + 32, good.end());
  payload.push_back(std::byte{0});
  const auto plan = decode_plan(frame({'R', 'M', 'P', 'D', 'P', 'L', 'A', 'N'}, 1, payload));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kCorrupt);
}

TEST(MigrationPlan, NoticesDamage) {
  const Bytes good = encode_plan(example());
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (at >= 12 && at < 16) continue;  // reserved
    Bytes bad = good;
    bad[at] ^= std::byte{1};
    EXPECT_FALSE(decode_plan(bad)) << "byte " << at;
  }
}

}  // namespace
}  // namespace remapd::mapping
