#include "core/pipeline/incumbent.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::pipeline {
namespace {

using testing::ElementsAre;

mapping::Mapping built() {
  mapping::Mapping out;
  out.info.table = "item";
  out.info.version = Version{3};
  out.info.rows = 10;
  out.info.fallback = {.first_row = 8, .row_count = 2};
  out.ids = {10, 20, 30};
  out.rows = {Row{1}, Row{2}, Row{3}};
  return out;
}

mapping::Delta change(const Incumbent& from) {
  mapping::Delta delta;
  delta.to = from.info();
  delta.to.version = Version{from.info().version.value + 1};
  delta.to.parent = from.info().version;
  delta.added = {5, 25};
  delta.added_rows = {Row{4}, Row{5}};
  delta.moved = {20};
  delta.moved_rows = {Row{6}};
  delta.ids = 5;
  delta.content_hash = 77;
  return delta;
}

TEST(Incumbent, IsTheMappingThatWasBuilt) {
  const Incumbent incumbent(built());
  EXPECT_EQ(incumbent.content_hash(), mapping::content_hash(built()));
  EXPECT_EQ(incumbent.stats().ids, 3U);
  std::array<Row, 2> rows;
  incumbent.find(std::array<Id, 2>{20, 21}, rows);
  EXPECT_THAT(rows, ElementsAre(Row{2}, kNoRow));
  EXPECT_EQ(incumbent.lookup(30), Row{3});
  EXPECT_GE(incumbent.lookup(31).value, 8U) << "the fallback's";
  EXPECT_EQ(incumbent.mapping()->ids, built().ids);
}

TEST(Incumbent, TakesInIncrements) {
  Incumbent incumbent(built());
  const Incumbent before = incumbent;
  mapping::MappingStats stats;
  stats.ids = 5;
  incumbent.apply(change(incumbent), stats);
  EXPECT_EQ(incumbent.info().version, Version{4});
  EXPECT_EQ(incumbent.content_hash(), 77U);
  const auto mapping = incumbent.mapping();
  EXPECT_THAT(mapping->ids, ElementsAre(5, 10, 20, 25, 30));
  EXPECT_THAT(mapping->rows, ElementsAre(Row{4}, Row{1}, Row{6}, Row{5}, Row{3}));
  EXPECT_EQ(mapping->info, incumbent.info());
  for (std::size_t i = 0; i < mapping->ids.size(); ++i) {
    EXPECT_EQ(incumbent.lookup(mapping->ids[i]), mapping->rows[i]);
  }
  EXPECT_EQ(before.lookup(20), Row{2}) << "a copy is apart";
}

TEST(Incumbent, IsTheNewVersionAlsoWhereNothingHasChanged) {
  Incumbent incumbent(built());
  mapping::Delta nothing;
  nothing.to = incumbent.info();
  nothing.to.version = Version{4};
  nothing.content_hash = incumbent.content_hash();
  incumbent.apply(nothing, incumbent.stats());
  EXPECT_EQ(incumbent.mapping()->info.version, Version{4});
  EXPECT_EQ(incumbent.mapping()->ids, built().ids);
}

}  // namespace
}  // namespace remapd::pipeline
