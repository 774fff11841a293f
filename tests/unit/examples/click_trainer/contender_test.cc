#include "examples/click_trainer/contender.h"

#include <limits>

#include <gtest/gtest.h>

namespace remapd::click_trainer {
namespace {

constexpr float kNoLabel = std::numeric_limits<float>::quiet_NaN();

PlacedRows one_row_each(const std::vector<Row>& rows) {
  PlacedRows out;
  out.set(std::vector<std::uint32_t>(rows.size(), 1), rows);
  return out;
}

TEST(Contender, LearnsWhatItPredicts) {
  const std::vector<std::uint32_t> table_rows{2, 1};
  Contender contender("full", table_rows, 1);
  EXPECT_EQ(contender.rows(), 3U);
  std::vector<Row> first;
  std::vector<float> labels;
  for (std::uint32_t i = 0; i < 400; ++i) {
    first.push_back(Row{i % 2});
    labels.push_back(i % 2 == 0 ? 1.0f : 0.0f);
  }
  const PlacedRows first_rows = one_row_each(first);
  const PlacedRows second_rows = one_row_each(std::vector<Row>(400, Row{0}));
  const std::vector<const PlacedRows*> rows{&first_rows, &second_rows};
  contender.learn(rows, labels, 200);
  EXPECT_EQ(contender.loss().samples(), 200U) << "only those counted";
  EXPECT_LT(contender.loss().normalised_entropy(), 0.5);
}

TEST(Contender, PassesUnlabelledSamplesOver) {
  const std::vector<std::uint32_t> table_rows{1};
  Contender contender("full", table_rows, 1);
  const PlacedRows placed = one_row_each({Row{0}, Row{0}, Row{0}});
  const std::vector<const PlacedRows*> rows{&placed};
  contender.learn(rows, std::vector<float>{kNoLabel, 1, kNoLabel}, 0);
  EXPECT_EQ(contender.loss().samples(), 1U);
}

}  // namespace
}  // namespace remapd::click_trainer
