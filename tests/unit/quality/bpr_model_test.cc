#include "tests/quality/bpr_model.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::quality {
namespace {

evaluation::RowsOfIds identity(std::uint32_t ids) {
  evaluation::RowsOfIds rows;
  rows.rows = ids;
  for (std::uint32_t id = 0; id < ids; ++id) rows.first.push_back(Row{id});
  return rows;
}

double loss(const BprModel& model, std::uint32_t user, std::uint32_t item, std::uint32_t other) {
  return std::log1p(std::exp(-static_cast<double>(model.margin(user, item, other))));
}

TEST(ItemsOfUsers, AreSortedDistinctAndFound) {
  const std::vector<Pair> pairs{{2, 7}, {0, 3}, {2, 1}, {2, 7}};
  const ItemsOfUsers items(pairs, 4);
  EXPECT_TRUE(std::ranges::equal(items.items(0), std::vector<std::uint32_t>{3}));
  EXPECT_TRUE(items.items(1).empty());
  EXPECT_TRUE(std::ranges::equal(items.items(2), std::vector<std::uint32_t>{1, 7}));
  EXPECT_TRUE(items.items(3).empty());
  EXPECT_TRUE(items.contains(2, 7));
  EXPECT_FALSE(items.contains(0, 7));
}

TEST(BprModel, GradientMatchesFiniteDifferences) {
  BprSettings settings;
  settings.initial_deviation = 0.4f;
  const evaluation::RowsOfIds users = identity(2);
  const evaluation::RowsOfIds items = identity(3);
  BprModel model(users, items, 5, settings);
  model.item_row(Row{2}).bias = 0.7f;
  const BprModel::Gradient gradient = model.gradient(1, 2, 0);

  constexpr float kStep = 1e-2f;
  const auto slope = [&](float& value) {
    const float before = value;
    value = before + kStep;
    const double above = loss(model, 1, 2, 0);
    value = before - kStep;
    const double below = loss(model, 1, 2, 0);
    value = before;
    return (above - below) / (2 * kStep);
  };
  for (std::size_t k = 0; k < kBprDimension; ++k) {
    EXPECT_NEAR(gradient.user[k], slope(model.user_row(Row{1}).vector[k]), 2e-4);
    EXPECT_NEAR(gradient.item[k], slope(model.item_row(Row{2}).vector[k]), 2e-4);
    EXPECT_NEAR(-gradient.item[k], slope(model.item_row(Row{0}).vector[k]), 2e-4);
  }
  EXPECT_NEAR(gradient.bias, slope(model.item_row(Row{2}).bias), 2e-4);
  EXPECT_NEAR(-gradient.bias, slope(model.item_row(Row{0}).bias), 2e-4);
}

TEST(BprModel, AStepIsRowWiseAdagradWithDecay) {
  const evaluation::RowsOfIds users = identity(2);
  const evaluation::RowsOfIds items = identity(3);
  BprModel model(users, items, 5);
  const BprSettings& settings = model.settings();
  const BprModel::Gradient gradient = model.gradient(0, 1, 2);
  const BprModel::Embedding before = model.item(1);
  const BprModel::Embedding untouched = model.item(0);
  model.learn(0, 1, 2);

  float mean_square = 0;
  for (const float element : gradient.item) mean_square += element * element / kBprDimension;
  const float rate = settings.learning_rate / std::sqrt(settings.initial_accumulator + mean_square);
  for (std::size_t k = 0; k < kBprDimension; ++k) {
    const float step = rate * (gradient.item[k] + settings.decay * before.vector[k]);
    EXPECT_NEAR(model.item(1).vector[k], before.vector[k] - step, 1e-6);
    EXPECT_EQ(model.item(0).vector[k], untouched.vector[k]);
  }
  const float bias_state = settings.initial_accumulator + gradient.bias * gradient.bias;
  EXPECT_NEAR(model.item(1).bias,
              before.bias - settings.learning_rate / std::sqrt(bias_state) * gradient.bias, 1e-6);
}

TEST(BprModel, AnIdWithTwoRowsIsTheirSumAndBothLearn) {
  const evaluation::RowsOfIds users = identity(1);
  evaluation::RowsOfIds items;
  items.rows = 4;
  items.first = {Row{0}, Row{2}};
  items.second = {Row{1}, kNoRow};
  BprModel model(users, items, 5);
  const BprModel::Embedding first = model.item_row(Row{0});
  const BprModel::Embedding second = model.item_row(Row{1});
  for (std::size_t k = 0; k < kBprDimension; ++k) {
    EXPECT_FLOAT_EQ(model.item(0).vector[k], first.vector[k] + second.vector[k]);
    EXPECT_EQ(model.item(1).vector[k], model.item_row(Row{2}).vector[k]);
  }
  model.learn(0, 0, 1);
  EXPECT_NE(model.item_row(Row{0}).vector, first.vector);
  EXPECT_NE(model.item_row(Row{1}).vector, second.vector);
}

// Users and items of two kinds, each user with items of its own kind.
TEST(BprModel, LearnsTheOrderOfASmallWorldReproducibly) {
  constexpr std::uint32_t kUsers = 60;
  constexpr std::uint32_t kItems = 40;
  Random random(3);
  std::vector<Pair> pairs;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (int i = 0; i < 8; ++i) {
      pairs.push_back({user, static_cast<std::uint32_t>(random.below(kItems / 2) * 2 + user % 2)});
    }
  }
  const ItemsOfUsers train(pairs, kUsers);
  const evaluation::RowsOfIds users = identity(kUsers);
  const evaluation::RowsOfIds items = identity(kItems);
  BprModel model(users, items, 9);
  BprModel again(users, items, 9);
  for (int epoch = 0; epoch < 30; ++epoch) {
    model.learn_epoch(pairs, train);
    again.learn_epoch(pairs, train);
  }
  int right = 0;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; item += 2) {
      right += model.margin(user, item + user % 2, item + (user + 1) % 2) > 0;
    }
    ASSERT_EQ(model.user(user), again.user(user));
  }
  EXPECT_GT(right, 0.95 * kUsers * kItems / 2);
}

TEST(BprModel, AUserWithEveryItemTeachesNothing) {
  const std::vector<Pair> pairs{{0, 0}, {0, 1}};
  const ItemsOfUsers train(pairs, 1);
  const evaluation::RowsOfIds users = identity(1);
  const evaluation::RowsOfIds items = identity(2);
  BprModel model(users, items, 1);
  const BprModel::Vector before = model.user(0);
  model.learn_epoch(pairs, train);
  EXPECT_EQ(model.user(0), before);
}

}  // namespace
}  // namespace remapd::quality
