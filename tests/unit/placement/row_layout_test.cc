#include "core/placement/row_layout.h"

#include <gtest/gtest.h>

namespace remapd::placement {
namespace {

TEST(RowLayout, FillsTheBudgetForEveryCombination) {
  for (const std::uint32_t rows : {1U, 2U, 3U, 10U, 1000U, 4'294'967'294U}) {
    for (const double dedicated : {0.0, 0.3, 0.5, 1.0}) {
      for (const double new_id_rows : {-1.0, 0.0, 0.3, 0.9}) {
        for (const std::uint64_t ids : {0ULL, 1ULL, 2ULL, 999ULL, 1000ULL, 10'000'000'000ULL}) {
          const RowLayout layout = plan_layout({.rows = rows,
                                                .dedicated_share = dedicated,
                                                .new_id_share = new_id_rows,
                                                .ids = ids,
                                                .new_ids = ids / 2});
          EXPECT_EQ(layout.dedicated + std::uint64_t{layout.shared} + layout.new_id_rows, rows);
          EXPECT_GE(layout.placed(), 1U);
          EXPECT_TRUE(ids <= layout.placed() || layout.shared > 0);
        }
      }
    }
  }
}

TEST(RowLayout, GivesEveryIdARowWhileTheBudgetAllows) {
  const RowLayout layout = plan_layout({.rows = 100, .new_id_share = 0.1, .ids = 90});
  EXPECT_EQ(layout.dedicated, 90U);
  EXPECT_EQ(layout.shared, 0U);
  EXPECT_EQ(layout.new_id_rows, 10U);
}

TEST(RowLayout, KeepsTheNewIdRowsWhileTheyFit) {
  LayoutRequest request{.rows = 1000, .ids = 5000, .new_ids = 6, .new_id_persistence = 0.2};
  const std::uint32_t first = plan_layout(request).new_id_rows;
  EXPECT_GT(first, 1U);
  request.incumbent = {.shared = 400, .new_id_rows = first};
  request.new_ids = 8;
  EXPECT_EQ(plan_layout(request).new_id_rows, first);
  request.new_ids = 1;
  EXPECT_EQ(plan_layout(request).new_id_rows, first);
  request.new_ids = 0;
  EXPECT_EQ(plan_layout(request).new_id_rows, 10U);
}

TEST(RowLayout, TakesBackWhatNewIdsHadWhileEveryIdOwnedARow) {
  const RowLayout layout = plan_layout({.rows = 1000,
                                        .ids = 1100,
                                        .new_ids = 100,
                                        .new_id_persistence = 0.2,
                                        .incumbent = {{.shared = 0, .new_id_rows = 800}}});
  EXPECT_EQ(layout.new_id_rows, 300U);
}

TEST(RowLayout, GivesNewIdsOneRowWhereTheyTeachNothingAboutThemselves) {
  LayoutRequest request{.rows = 1000, .ids = 5000, .new_ids = 500, .new_id_persistence = -0.5};
  EXPECT_EQ(plan_layout(request).new_id_rows, 1U);
  request.new_id_persistence = 0.2;
  EXPECT_EQ(plan_layout(request).new_id_rows, 300U);
  request.new_id_persistence.reset();
  EXPECT_EQ(plan_layout(request).new_id_rows, 1U) << "nothing is known of an unlabelled stream";
}

TEST(RowLayout, NewIdsBeginApartAndChangeSidesReluctantly) {
  const auto new_id_rows = [](double persistence,
                              std::optional<LayoutRequest::Incumbent> incumbent) {
    return plan_layout({.rows = 1000,
                        .ids = 5000,
                        .new_ids = 500,
                        .new_id_persistence = persistence,
                        .incumbent = incumbent})
        .new_id_rows;
  };
  EXPECT_EQ(new_id_rows(0.0, {}), 300U);
  EXPECT_EQ(new_id_rows(0.0, {{.shared = 490, .new_id_rows = 300}}), 300U);
  EXPECT_EQ(new_id_rows(-0.05, {{.shared = 490, .new_id_rows = 300}}), 1U);
  EXPECT_EQ(new_id_rows(0.05, {{.shared = 699, .new_id_rows = 1}}), 1U);
  EXPECT_EQ(new_id_rows(0.12, {{.shared = 699, .new_id_rows = 1}}), 1U);
  EXPECT_EQ(new_id_rows(0.2, {{.shared = 699, .new_id_rows = 1}}), 300U);
  EXPECT_EQ(new_id_rows(0.05, {{.shared = 0, .new_id_rows = 1}}), 300U)
      << "every id had a row of its own so far";
}

}  // namespace
}  // namespace remapd::placement
