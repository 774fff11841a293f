#include "core/placement/row_layout.h"

#include <gtest/gtest.h>

namespace remapd::placement {
namespace {

TEST(RowLayout, FillsTheBudgetForEveryCombination) {
  for (const std::uint32_t rows : {1U, 2U, 3U, 10U, 1000U, 4'294'967'294U}) {
    for (const double dedicated : {0.0, 0.3, 0.5, 1.0}) {
      for (const double newcomers : {-1.0, 0.0, 0.3, 0.9}) {
        for (const std::uint64_t ids : {0ULL, 1ULL, 2ULL, 999ULL, 1000ULL, 10'000'000'000ULL}) {
          const RowLayout layout = plan_layout({.rows = rows,
                                                .dedicated_share = dedicated,
                                                .newcomer_share = newcomers,
                                                .ids = ids,
                                                .arrivals = ids / 2});
          EXPECT_EQ(layout.dedicated + std::uint64_t{layout.shared} + layout.newcomers, rows);
          EXPECT_GE(layout.placed(), 1U);
          EXPECT_TRUE(ids <= layout.placed() || layout.shared > 0);
        }
      }
    }
  }
}

TEST(RowLayout, GivesEveryIdARowWhileTheBudgetAllows) {
  const RowLayout layout = plan_layout({.rows = 100, .newcomer_share = 0.1, .ids = 90});
  EXPECT_EQ(layout.dedicated, 90U);
  EXPECT_EQ(layout.shared, 0U);
  EXPECT_EQ(layout.newcomers, 10U);
}

TEST(RowLayout, KeepsTheNewcomerRowsWhileTheyFit) {
  LayoutRequest request{.rows = 1000, .ids = 5000, .arrivals = 6, .newcomer_persistence = 0.2};
  const std::uint32_t first = plan_layout(request).newcomers;
  EXPECT_GT(first, 1U);
  request.incumbent = {.shared = 400, .newcomers = first};
  request.arrivals = 8;
  EXPECT_EQ(plan_layout(request).newcomers, first);
  request.arrivals = 1;
  EXPECT_EQ(plan_layout(request).newcomers, first);
  request.arrivals = 0;
  EXPECT_EQ(plan_layout(request).newcomers, 10U);
}

TEST(RowLayout, TakesBackWhatNewcomersHadWhileEveryIdOwnedARow) {
  const RowLayout layout = plan_layout({.rows = 1000,
                                        .ids = 1100,
                                        .arrivals = 100,
                                        .newcomer_persistence = 0.2,
                                        .incumbent = {{.shared = 0, .newcomers = 800}}});
  EXPECT_EQ(layout.newcomers, 300U);
}

TEST(RowLayout, GivesNewcomersOneRowWhereTheyTeachNothingAboutThemselves) {
  LayoutRequest request{.rows = 1000, .ids = 5000, .arrivals = 500, .newcomer_persistence = -0.5};
  EXPECT_EQ(plan_layout(request).newcomers, 1U);
  request.newcomer_persistence = 0.2;
  EXPECT_EQ(plan_layout(request).newcomers, 300U);
  request.newcomer_persistence.reset();
  EXPECT_EQ(plan_layout(request).newcomers, 1U) << "nothing is known of an unlabelled stream";
}

TEST(RowLayout, NewcomersBeginApartAndChangeSidesReluctantly) {
  const auto newcomers = [](double persistence, std::optional<LayoutRequest::Incumbent> incumbent) {
    return plan_layout({.rows = 1000,
                        .ids = 5000,
                        .arrivals = 500,
                        .newcomer_persistence = persistence,
                        .incumbent = incumbent})
        .newcomers;
  };
  EXPECT_EQ(newcomers(0.0, {}), 300U);
  EXPECT_EQ(newcomers(0.0, {{.shared = 490, .newcomers = 300}}), 300U);
  EXPECT_EQ(newcomers(-0.05, {{.shared = 490, .newcomers = 300}}), 1U);
  EXPECT_EQ(newcomers(0.05, {{.shared = 699, .newcomers = 1}}), 1U);
  EXPECT_EQ(newcomers(0.12, {{.shared = 699, .newcomers = 1}}), 1U);
  EXPECT_EQ(newcomers(0.2, {{.shared = 699, .newcomers = 1}}), 300U);
  EXPECT_EQ(newcomers(0.05, {{.shared = 0, .newcomers = 1}}), 300U)
      << "every id had a row of its own so far";
}

}  // namespace
}  // namespace remapd::placement
