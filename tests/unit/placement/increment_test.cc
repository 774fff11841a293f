#include "core/placement/increment.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::placement {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t kRows = 20;
constexpr std::uint32_t kDedicated = 4;
constexpr std::uint32_t kShared = 8;  // rows 4 .. 11; 12 .. 19 are new-id rows

// Shared row c has its centroid at (c, 0) and traffic 10, but the last holds nothing.
PlacedRows placed_rows() {
  PlacedRows::Content content;
  content.first_row = kDedicated;
  content.dimension = 2;
  content.metric = {1, 0, 0, 1};
  for (std::uint32_t c = 0; c < kShared; ++c) {
    content.centroids.insert(content.centroids.end(), {static_cast<float>(c), 0.0F});
    content.traffic.push_back(c + 1 < kShared ? 10.0F : 0.0F);
  }
  content.rare = {Row{4}, Row{5}};
  return {content, 1};
}

IncrementInput input() {
  IncrementInput in;
  in.version = Version{8};
  in.epoch = Epoch{2};
  in.built_ms = 5;
  in.parent.table = "item";
  in.parent.version = Version{7};
  in.parent.parent = Version{6};
  in.parent.epoch = Epoch{2};
  in.parent.rows = kRows;
  in.parent.dedicated_rows = kDedicated;
  in.parent.fallback = {.first_row = kDedicated + kShared, .row_count = 8, .seed = 1};
  in.parent_stats.ids = 100;
  in.parent_stats.dedicated_rows = kDedicated;
  in.parent_stats.shared_rows = kShared;
  in.parent_content = 1'000;
  in.total_frequency = 100;
  in.churn_budget = 100;
  return in;
}

void add(IncrementInput& in, Id id, Row row, float frequency, float at) {
  in.ids.push_back(id);
  in.rows.push_back(row);
  in.frequency.push_back(frequency);
  in.embedding.insert(in.embedding.end(), {at, 0.0F});
}

// What the plan makes of `row`: by old row, its weight.
std::map<Row, float> sources_of(const mapping::MigrationPlan& plan, Row row) {
  std::map<Row, float> out;
  for (std::size_t i = 0; i < plan.changed.size(); ++i) {
    if (plan.changed[i] != row) continue;
    for (std::uint32_t s = plan.source_begin[i]; s < plan.source_begin[i + 1]; ++s) {
      out[plan.sources[s]] = plan.weights[s];
    }
  }
  return out;
}

TEST(Increment, NewIdsJoinTheNearestRow) {
  IncrementInput in = input();
  add(in, 50, kNoRow, 2, 3.2F);
  add(in, 60, kNoRow, 3, 6.9F);  // nearest to the centroid of the row that holds nothing
  const Increment out = make_increment(in, placed_rows());
  EXPECT_THAT(out.delta.added, ElementsAre(50, 60));
  EXPECT_THAT(out.delta.added_rows, ElementsAre(Row{kDedicated + 3}, Row{kDedicated + 6}));
  EXPECT_THAT(out.delta.moved, IsEmpty());
  EXPECT_EQ(out.delta.ids, 102U);
  EXPECT_EQ(out.delta.content_hash, 1'000 + mapping::content_term(50, Row{kDedicated + 3}) +
                                        mapping::content_term(60, Row{kDedicated + 6}));
  EXPECT_EQ(out.delta.to.version, Version{8});
  EXPECT_EQ(out.delta.to.parent, Version{7});
  EXPECT_EQ(out.stats.traffic_moved, 0);

  // The row that an id joins keeps its content by its traffic, and takes the id's by its own.
  const Row before = in.parent.fallback.row(50);
  EXPECT_EQ(out.plan.changed, out.delta.added_rows);
  const auto sources = sources_of(out.plan, Row{kDedicated + 3});
  EXPECT_NEAR(sources.at(Row{kDedicated + 3}), 10.0 / 12, 1e-6);
  EXPECT_NEAR(sources.at(before), 2.0 / 12, 1e-6);
  // New-id rows that were left start from rare ids' rows again.
  EXPECT_NE(std::find(out.plan.restarted.begin(), out.plan.restarted.end(), before),
            out.plan.restarted.end());
  EXPECT_THAT(out.plan.restart_sources, ElementsAre(Row{4}, Row{5}));
  ASSERT_EQ(out.traffic.size(), 2U);
  EXPECT_EQ(out.traffic[0].traffic, 12);
}

TEST(Increment, IdsThatAreStillLearnedMoveWhereItPays) {
  IncrementInput in = input();
  add(in, 10, Row{kDedicated}, 4, 5);                     // far from its row
  add(in, 11, Row{kDedicated}, kSettledAccesses + 1, 5);  // likewise, but settled
  add(in, 12, Row{kDedicated + 1}, 4, 1.6F);              // little nearer to the next row
  const Increment out = make_increment(in, placed_rows());
  EXPECT_THAT(out.delta.moved, ElementsAre(10));
  EXPECT_THAT(out.delta.moved_rows, ElementsAre(Row{kDedicated + 5}));
  EXPECT_THAT(out.delta.added, IsEmpty());
  EXPECT_EQ(out.delta.ids, 100U);
  EXPECT_EQ(out.stats.ids_moved, 1U);
  EXPECT_NEAR(out.stats.traffic_moved, 0.04, 1e-9);
  // The row that is left keeps its value, with less traffic.
  EXPECT_THAT(out.plan.changed, ElementsAre(Row{kDedicated + 5}));
  ASSERT_EQ(out.traffic.size(), 2U);
  EXPECT_EQ(out.traffic[0].row, Row{kDedicated});
  EXPECT_EQ(out.traffic[0].traffic, 6);
  EXPECT_EQ(out.traffic[1].traffic, 14);
}

TEST(Increment, TheChurnBudgetGoesToThoseThatGainMost) {
  IncrementInput in = input();
  in.churn_budget = 5;
  add(in, 10, Row{kDedicated}, 4, 3);
  add(in, 11, Row{kDedicated}, 4, 6);
  add(in, 12, Row{kDedicated}, 1, 2);
  const Increment out = make_increment(in, placed_rows());
  EXPECT_THAT(out.delta.moved, ElementsAre(11, 12));
}

TEST(Increment, NewIdsGetRowsOfTheirOwnWhileThereAreSome) {
  IncrementInput in = input();
  in.parent.dedicated_rows = 10;
  in.parent.fallback = {.first_row = 10, .row_count = 10, .seed = 1};
  in.parent_stats.shared_rows = 0;
  ASSERT_TRUE(has_rows_to_spare(in.parent_stats));
  in.ids = {5, 6};
  in.rows = {kNoRow, kNoRow};
  in.frequency = {1, 2};
  PlacedRows::Content none;
  none.first_row = 10;
  const Increment out = make_increment(in, PlacedRows(none, 1));
  EXPECT_THAT(out.delta.added_rows, ElementsAre(Row{10}, Row{11}));
  EXPECT_EQ(out.delta.to.dedicated_rows, 12U);
  EXPECT_EQ(out.delta.to.fallback.first_row, 12U);
  EXPECT_EQ(out.delta.to.fallback.row_count, 8U);
  // Each starts from the row that it was hashed to.
  EXPECT_THAT(out.plan.changed, ElementsAre(Row{10}, Row{11}));
  EXPECT_EQ(sources_of(out.plan, Row{10}).begin()->first, in.parent.fallback.row(5));
  for (const Row row : out.plan.restarted) EXPECT_GE(row.value, 12U);
}

TEST(Increment, NothingToDoIsAVersionToo) {
  const Increment out = make_increment(input(), placed_rows());
  EXPECT_TRUE(out.plan.empty());
  EXPECT_EQ(out.delta.content_hash, 1'000U);
  EXPECT_EQ(out.delta.ids, 100U);
}

TEST(PlacedRows, GoOnFromTheirBytes) {
  const PlacedRows rows = placed_rows();
  ByteWriter out;
  rows.save(out);
  ByteReader in(out.bytes());
  const auto loaded = PlacedRows::load(in, kRows);
  ASSERT_TRUE(loaded) << loaded.error().message;
  ByteWriter again;
  (*loaded)->save(again);
  EXPECT_EQ(again.bytes(), out.bytes());
  ByteReader too_small(out.bytes());
  EXPECT_EQ(PlacedRows::load(too_small, kDedicated + 1).error().code, ErrorCode::kCorrupt);
  for (std::size_t size = 0; size < out.bytes().size(); size += 7) {
    ByteReader cut(ByteView(out.bytes()).first(size));
    EXPECT_FALSE(PlacedRows::load(cut, kRows));
  }
}

// Against looking at every row: the index may miss the nearest one, but seldom by much.
TEST(PlacedRows, FindTheNearestOfMany) {
  constexpr std::size_t kMany = 3'000;
  Random random(3);
  PlacedRows::Content content;
  content.dimension = 3;
  for (std::size_t i = 0; i < 3 * kMany; ++i) {
    content.centroids.push_back(static_cast<float>(random.below(1'000)) / 100);
  }
  content.traffic.assign(kMany, 1);
  const PlacedRows rows(content, 1);
  std::vector<float> queries;
  for (std::size_t i = 0; i < 3 * 200; ++i) {
    queries.push_back(static_cast<float>(random.below(1'000)) / 100);
  }
  std::vector<PlacedRows::Nearest> found(200);
  rows.nearest(queries, found);
  int exact = 0;
  for (std::size_t q = 0; q < found.size(); ++q) {
    float best = std::numeric_limits<float>::infinity();
    for (std::uint32_t r = 0; r < kMany; ++r) {
      best = std::min(best, rows.distance(queries.data() + 3 * q, Row{r}));
    }
    EXPECT_NEAR(found[q].distance, rows.distance(queries.data() + 3 * q, found[q].row), 1e-3);
    exact += found[q].distance <= best * 1.0001F ? 1 : 0;
  }
  EXPECT_GT(exact, 180);
}

}  // namespace
}  // namespace remapd::placement
