#include "tests/quality/retrieval_figures.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/base/random.h"

namespace remapd::quality {
namespace {

struct World {
  evaluation::RowsOfIds users;
  evaluation::RowsOfIds items;
  std::vector<Pair> train;
  std::vector<Pair> test;
  std::vector<std::uint64_t> hashes;
};

// Few rows for many items, so that most items tie with others.
World make_world(std::uint64_t seed, std::uint32_t users, std::uint32_t items,
                 std::uint32_t item_rows) {
  World world;
  Random random(seed);
  world.users.rows = users;
  for (std::uint32_t user = 0; user < users; ++user) world.users.first.push_back(Row{user});
  world.items.rows = item_rows;
  for (std::uint32_t item = 0; item < items; ++item) {
    world.items.first.push_back(Row{static_cast<std::uint32_t>(random.below(item_rows))});
    world.hashes.push_back(hash_id(item, seed));
  }
  const auto any = [&] {
    return Pair{static_cast<std::uint32_t>(random.below(users)),
                static_cast<std::uint32_t>(random.below(items))};
  };
  for (std::uint32_t i = 0; i < users * 5; ++i) world.train.push_back(any());
  for (std::uint32_t i = 0; i < users * 3; ++i) world.test.push_back(any());
  return world;
}

// The definition, item by item.
RetrievalFigures by_definition(const BprModel& model, const ItemsOfUsers& train,
                               const ItemsOfUsers& test, const World& world) {
  RetrievalFigures figures;
  for (std::uint32_t user = 0; user < test.users(); ++user) {
    std::vector<std::uint32_t> ranked;
    std::vector<std::uint32_t> wanted;
    for (std::uint32_t item = 0; item < model.items(); ++item) {
      if (!train.contains(user, item)) ranked.push_back(item);
    }
    for (const std::uint32_t item : test.items(user)) {
      if (!train.contains(user, item)) wanted.push_back(item);
    }
    if (wanted.empty()) continue;
    std::ranges::sort(ranked, [&](std::uint32_t a, std::uint32_t b) {
      const float margin = model.margin(user, a, b);
      return world.items.first[a] == world.items.first[b] ? world.hashes[a] < world.hashes[b]
                                                          : margin > 0;
    });
    const auto is_wanted = [&](std::uint32_t item) { return test.contains(user, item); };
    const auto depth =
        static_cast<std::ptrdiff_t>(std::min<std::size_t>(kRecallDepth, ranked.size()));
    figures.recall +=
        static_cast<double>(std::count_if(ranked.begin(), ranked.begin() + depth, is_wanted)) /
        static_cast<double>(wanted.size());
    double won = 0;
    double pairs = 0;
    for (std::size_t a = 0; a < ranked.size(); ++a) {
      for (std::size_t b = 0; b < ranked.size(); ++b) {
        if (!is_wanted(ranked[a]) || is_wanted(ranked[b])) continue;
        pairs += 1;
        won += a < b;
      }
    }
    figures.auc += pairs > 0 ? won / pairs : 1;
    ++figures.users;
  }
  figures.recall /= static_cast<double>(figures.users);
  figures.auc /= static_cast<double>(figures.users);
  return figures;
}

TEST(RetrievalFigures, EqualTheDefinitionWithTiesAndExcludedItems) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    const World world = make_world(seed, 30, 90, 12);
    const ItemsOfUsers train(world.train, 30);
    const ItemsOfUsers test(world.test, 30);
    const BprModel model(world.users, world.items, seed);
    const RetrievalFigures figures = retrieval_figures(model, train, test, world.hashes, 1);
    const RetrievalFigures expected = by_definition(model, train, test, world);
    EXPECT_EQ(figures.users, expected.users);
    EXPECT_NEAR(figures.recall, expected.recall, 1e-12);
    EXPECT_NEAR(figures.auc, expected.auc, 1e-12);
  }
}

TEST(RetrievalFigures, OneRowForAllItemsRanksByHashAlone) {
  const World world = make_world(4, 400, 1000, 1);
  const ItemsOfUsers train(world.train, 400);
  const ItemsOfUsers test(world.test, 400);
  const BprModel model(world.users, world.items, 1);
  const RetrievalFigures figures = retrieval_figures(model, train, test, world.hashes, 1);
  EXPECT_NEAR(figures.recall, 0.02, 0.02);
  EXPECT_NEAR(figures.auc, 0.5, 0.05);
}

TEST(RetrievalFigures, AStrideTakesThatShareOfTheUsersWithTestItems) {
  const World world = make_world(4, 400, 100, 50);
  const ItemsOfUsers train(world.train, 400);
  const ItemsOfUsers test(world.test, 400);
  const BprModel model(world.users, world.items, 1);
  const std::uint64_t all = retrieval_figures(model, train, test, world.hashes, 1).users;
  EXPECT_EQ(retrieval_figures(model, train, test, world.hashes, 4).users, (all + 3) / 4);
}

}  // namespace
}  // namespace remapd::quality
