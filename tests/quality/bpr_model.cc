#include "tests/quality/bpr_model.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace remapd::quality {

ItemsOfUsers::ItemsOfUsers(std::span<const Pair> pairs, std::uint32_t users) {
  std::vector<Pair> sorted(pairs.begin(), pairs.end());
  const auto key = [](const Pair& pair) { return std::pair(pair.user, pair.item); };
  std::ranges::sort(sorted, {}, key);
  const auto repeated = std::ranges::unique(sorted, {}, key);
  sorted.erase(repeated.begin(), repeated.end());

  begin_.assign(std::size_t{users} + 1, 0);
  items_.reserve(sorted.size());
  for (const Pair& pair : sorted) {
    REMAPD_CHECK(pair.user < users, "users are numbered from 0");
    ++begin_[pair.user + 1];
    items_.push_back(pair.item);
  }
  for (std::size_t user = 0; user < users; ++user) begin_[user + 1] += begin_[user];
}

bool ItemsOfUsers::contains(std::uint32_t user, std::uint32_t item) const {
  return std::ranges::binary_search(items(user), item);
}

BprModel::Table::Table(const evaluation::RowsOfIds& rows_of_ids, Random random,
                       const BprSettings& settings)
    : ids(rows_of_ids), matrix(rows_of_ids.rows) {
  for (RowData& row : matrix) {
    for (float& value : row.values.vector) {
      value = settings.initial_deviation * static_cast<float>(random.normal());
    }
    row.vector_state = settings.initial_accumulator;
    row.bias_state = settings.initial_accumulator;
  }
}

BprModel::Embedding BprModel::Table::sum(std::uint32_t id) const {
  Embedding out = matrix[ids.first[id].value].values;
  if (!ids.second.empty() && ids.second[id] != kNoRow) {
    const Embedding& more = matrix[ids.second[id].value].values;
    for (std::size_t k = 0; k < kBprDimension; ++k) out.vector[k] += more.vector[k];
    out.bias += more.bias;
  }
  return out;
}

void BprModel::Table::step(std::uint32_t id, float sign, const Vector& vector, float bias,
                           const BprSettings& settings) {
  float mean_square = 0;
  for (const float element : vector) mean_square += element * element;
  mean_square /= kBprDimension;
  const auto move = [&](RowData& row) {
    row.vector_state += mean_square;
    row.bias_state += bias * bias;
    const float rate = settings.learning_rate / std::sqrt(row.vector_state);
    Vector& values = row.values.vector;
    for (std::size_t k = 0; k < kBprDimension; ++k) {
      values[k] -= rate * (sign * vector[k] + settings.decay * values[k]);
    }
    row.values.bias -= settings.learning_rate / std::sqrt(row.bias_state) * sign * bias;
  };
  move(matrix[ids.first[id].value]);
  if (!ids.second.empty() && ids.second[id] != kNoRow) move(matrix[ids.second[id].value]);
}

BprModel::BprModel(const evaluation::RowsOfIds& users, const evaluation::RowsOfIds& items,
                   std::uint64_t seed, const BprSettings& settings)
    : settings_(settings),
      random_(hash_id(0, seed)),
      users_(users, Random(hash_id(1, seed)), settings),
      items_(items, Random(hash_id(2, seed)), settings) {}

void BprModel::learn_epoch(std::span<const Pair> pairs, const ItemsOfUsers& train) {
  order_.assign(pairs.begin(), pairs.end());
  random_.shuffle(std::span(order_));
  for (const Pair& pair : order_) {
    if (train.items(pair.user).size() == items()) continue;  // nothing to tell its items from
    for (int negative = 0; negative < settings_.negatives; ++negative) {
      std::uint32_t other = 0;
      do {
        other = static_cast<std::uint32_t>(random_.below(items()));
      } while (train.contains(pair.user, other));
      learn(pair.user, pair.item, other);
    }
  }
}

float BprModel::margin(std::uint32_t user, std::uint32_t item, std::uint32_t other) const {
  return margin(users_.sum(user).vector, items_.sum(item), items_.sum(other));
}

float BprModel::margin(const Vector& user, const Embedding& item, const Embedding& other) {
  Vector products;
  for (std::size_t k = 0; k < kBprDimension; ++k) {
    products[k] = user[k] * (item.vector[k] - other.vector[k]);
  }
  // By halves: an order of summation that vectorises and is always the same.
  for (std::size_t half = kBprDimension / 2; half > 0; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) products[k] += products[k + half];
  }
  return products[0] + item.bias - other.bias;
}

BprModel::Gradient BprModel::gradient(std::uint32_t user, std::uint32_t item,
                                      std::uint32_t other) const {
  const Vector p = users_.sum(user).vector;
  const Embedding wanted = items_.sum(item);
  const Embedding unwanted = items_.sum(other);
  const float push = 1 / (1 + std::exp(margin(p, wanted, unwanted)));
  Gradient out;
  for (std::size_t k = 0; k < kBprDimension; ++k) {
    out.user[k] = push * (unwanted.vector[k] - wanted.vector[k]);
    out.item[k] = -push * p[k];
  }
  out.bias = -push;
  return out;
}

void BprModel::learn(std::uint32_t user, std::uint32_t item, std::uint32_t other) {
  const Gradient g = gradient(user, item, other);
  users_.step(user, 1, g.user, 0, settings_);
  items_.step(item, 1, g.item, g.bias, settings_);
  items_.step(other, -1, g.item, g.bias, settings_);
}

}  // namespace remapd::quality
