#include "evaluation/online_mapper.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/evaluation/planted_log.h"

namespace remapd::evaluation {
namespace {

using ::testing::ElementsAreArray;

constexpr FeatureIndex kUser{0};
constexpr FeatureIndex kDay{2};

const EventLog& planted() {
  static const EventLog log = make_log(labelled_log(4'000));
  return log;
}

void take_all(OnlineMapper& mapper) {
  const EventLog& log = planted();
  std::vector<std::span<const std::uint32_t>> numbers(log.features());
  for (std::size_t sample = 0; sample < log.samples(); ++sample) {
    for (std::uint32_t f = 0; f < log.features(); ++f) {
      numbers[f] = log.numbers(FeatureIndex{f}, sample);
    }
    mapper.take(numbers, log.label(sample));
  }
  mapper.finish();
}

TEST(TableBudgets, SmallFeaturesKeepARowForEachId) {
  const std::vector<TableBudget> budgets = table_budgets(planted(), 3, 0.1);
  EXPECT_TRUE(budgets[kUser.value].mapped);
  EXPECT_EQ(budgets[kUser.value].rows, table_budget(planted().distinct(kUser), 0.1).rows);
  EXPECT_FALSE(budgets[kDay.value].mapped);
  EXPECT_EQ(budgets[kDay.value].rows, 7u);
}

TEST(HashedTables, AreWhatTheStrategyHashPublishes) {
  const auto budgets = table_budgets(planted(), planted().features(), 0.1);
  const auto hashed = hashed_tables(planted(), budgets, 5);
  auto mapper = OnlineMapper::create(planted(), budgets, mapping::Strategy::kHash, {}, 5);
  ASSERT_TRUE(mapper.has_value());
  take_all(**mapper);
  (*mapper)->publish_all();
  for (std::uint32_t f = 0; f < planted().features(); ++f) {
    const RowsOfIds& published = (*mapper)->rows(FeatureIndex{f});
    EXPECT_EQ(published.rows, hashed[f].rows);
    EXPECT_THAT(published.first, ElementsAreArray(hashed[f].first));
  }
}

TEST(OnlineMapper, TakesTheSettingsOfEachTable) {
  const auto budgets = table_budgets(planted(), planted().features(), 0.1);
  MapperSettings settings;
  settings.tables.resize(planted().features());
  settings.tables[kUser.value].dedicated_share = 2;  // out of bounds
  const auto refused =
      OnlineMapper::create(planted(), budgets, mapping::Strategy::kCombined, settings, 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("user"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace remapd::evaluation
