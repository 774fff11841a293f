#include "client/cpp/migration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/placement/migration_planner.h"

namespace remapd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

PlanPtr plan_of(placement::PlanInput input) {
  input.table = "items";
  return std::make_shared<const mapping::MigrationPlan>(placement::make_plan(input));
}

// Versions 1 -> 2: rows 0 and 1 meet in row 2. 2 -> 3: the table grows; row 2's ids go to row 4.
std::vector<PlanPtr> two_plans() {
  placement::PlanInput first;
  first.from = Version{1};
  first.to = Version{2};
  first.from_rows = first.to_rows = 3;
  first.old_rows = {Row{0}, Row{1}};
  first.new_rows = {Row{2}, Row{2}};
  first.weights = {1, 3};
  placement::PlanInput second;
  second.from = Version{2};
  second.to = Version{3};
  second.from_rows = 3;
  second.to_rows = 5;
  second.old_rows = {Row{2}};
  second.new_rows = {Row{4}};
  second.weights = {1};
  return {plan_of(first), plan_of(second)};
}

TEST(Migration, AppliesThePlansInOrder) {
  const Migration migration(Version{1}, Version{3}, two_plans());
  EXPECT_TRUE(migration.complete());
  EXPECT_EQ(migration.rows(), 5u);
  std::vector<float> matrix{8, 80, 16, 160, 0, 0, 7, 70, 9, 90};
  ASSERT_TRUE(migration.apply(matrix, 2));
  EXPECT_THAT(matrix, ElementsAre(8, 80, 16, 160, 14, 140, 7, 70, 14, 140));
}

TEST(Migration, StateIsCarriedOrReset) {
  auto plans = two_plans();
  auto reset = std::make_shared<mapping::MigrationPlan>(*plans[1]);
  reset->state.assign(reset->state.size(), mapping::StateRule::kReset);
  plans[1] = reset;
  const Migration migration(Version{1}, Version{3}, plans);
  std::vector<float> state{1, 1, 9, 9, 9};
  ASSERT_TRUE(migration.apply_to_state(state, 1, 0.5F));
  EXPECT_EQ(state[4], 0.5F);
}

TEST(Migration, ChangesNothingWhenTheMatrixDoesNotFit) {
  const Migration migration(Version{1}, Version{3}, two_plans());
  std::vector<float> matrix{1, 2, 3};  // enough for the first plan alone
  const auto refused = migration.apply(matrix, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("5 rows of 1 columns"));
  EXPECT_THAT(matrix, ElementsAre(1, 2, 3));
  EXPECT_FALSE(migration.apply({}, 0));
}

TEST(Migration, RefusesWhatIsMissing) {
  const Migration migration(Version{1}, Version{3}, std::string("the plan is lost"));
  EXPECT_FALSE(migration.complete());
  std::vector<float> state{1, 2, 3};
  const auto refused = migration.apply_to_state(state, 1, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(refused.error().message, HasSubstr("the plan is lost"));
  EXPECT_THAT(state, ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace remapd::client
