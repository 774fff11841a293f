#include "examples/click_trainer/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::click_trainer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PlacedRows, BelongToTheirSamples) {
  PlacedRows rows;
  const std::vector<std::uint32_t> lengths{1, 0, 2};
  const std::vector<Row> first{Row{7}, Row{8}, Row{9}};
  rows.set(lengths, first);
  ASSERT_EQ(rows.samples(), 3U);
  EXPECT_THAT(rows.of(0), ElementsAre(Row{7}));
  EXPECT_THAT(rows.of(1), IsEmpty());
  EXPECT_THAT(rows.of(2), ElementsAre(Row{8}, Row{9}));
}

TEST(PlacedRows, UnderDoubleHashingAnIdMayHaveTwo) {
  PlacedRows rows;
  const std::vector<std::uint32_t> lengths{2, 1};
  const std::vector<Row> first{Row{1}, Row{2}, Row{3}};
  const std::vector<Row> second{Row{4}, kNoRow, Row{5}};
  rows.set(lengths, first, second);
  EXPECT_THAT(rows.of(0), ElementsAre(Row{1}, Row{4}, Row{2}));
  EXPECT_THAT(rows.of(1), ElementsAre(Row{3}, Row{5}));
}

TEST(OwnRows, AreGivenInTheOrderOfAppearance) {
  OwnRows own;
  std::vector<Row> rows;
  own.place(std::vector<Id>{50, 7, 50}, rows);
  EXPECT_THAT(rows, ElementsAre(Row{0}, Row{1}, Row{0}));
  own.place(std::vector<Id>{9, 7}, rows);
  EXPECT_THAT(rows, ElementsAre(Row{2}, Row{1}));
  EXPECT_EQ(own.rows(), 3U);
}

TEST(PlaceByHash, IsWhatATableWithoutAMappingDoes) {
  const mapping::Fallback hash = mapping::initial_fallback(10, 3);
  std::vector<Row> rows;
  place_by_hash(hash, std::vector<Id>{1, 2, 1}, rows);
  EXPECT_THAT(rows, ElementsAre(hash.row(1), hash.row(2), hash.row(1)));
}

}  // namespace
}  // namespace remapd::click_trainer
