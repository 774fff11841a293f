// The model behind the retrieval figures: matrix factorisation learned by Bayesian personalised
// ranking (Rendle et al., UAI 2009), whose user and item tables are addressed by row.
//
//   score(u, i) = <p_u, q_i> + b_i,   loss = -ln sigmoid(score(u, i) - score(u, j)) + weight decay
//
// for a train pair (u, i) and items j drawn uniformly from those u has no train pair with. p_u and
// (q_i, b_i) are the sum of the rows the id has: one, or two under double hashing. Learned by
// row-wise Adagrad, the bias with an accumulator of its own.
//
// Users and items are numbered 0 .. n-1 here; RowsOfIds says where each lives. Not thread safe. An
// epoch costs O(train pairs x negatives x dimension).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/random.h"
#include "core/base/types.h"
#include "evaluation/rows_of_ids.h"

namespace remapd::quality {

struct Pair {
  std::uint32_t user = 0;
  std::uint32_t item = 0;
};

// For each user its items, ascending and distinct: a compressed sparse matrix.
class ItemsOfUsers {
 public:
  ItemsOfUsers(std::span<const Pair> pairs, std::uint32_t users);

  std::uint32_t users() const { return static_cast<std::uint32_t>(begin_.size() - 1); }
  std::span<const std::uint32_t> items(std::uint32_t user) const {
    return std::span(items_).subspan(begin_[user], begin_[user + 1] - begin_[user]);
  }
  // O(log(items of the user)).
  bool contains(std::uint32_t user, std::uint32_t item) const;

 private:
  std::vector<std::size_t> begin_;
  std::vector<std::uint32_t> items_;
};

inline constexpr std::size_t kBprDimension = 32;

struct BprSettings {
  int epochs = 30;
  int negatives = 3;  // drawn for each train pair in each epoch
  float learning_rate = 0.07f;
  float decay = 0.003f;              // of the vectors a step touches
  float initial_deviation = 0.03f;   // of each element of a vector; biases start at 0
  float initial_accumulator = 0.1f;  // of each optimiser state
};

// Chosen once on the full table and the same for every strategy: recall@20 on gowalla is .140 with
// a spread of .001 over seeds.
inline constexpr BprSettings kBprSettings{};

class BprModel {
 public:
  using Vector = std::array<float, kBprDimension>;
  struct Embedding {
    Vector vector{};
    float bias = 0;
  };

  // Keeps references to the row lists.
  BprModel(const evaluation::RowsOfIds& users, const evaluation::RowsOfIds& items,
           std::uint64_t seed, const BprSettings& settings = kBprSettings);

  const BprSettings& settings() const { return settings_; }
  std::uint32_t items() const { return static_cast<std::uint32_t>(items_.ids.first.size()); }

  // One pass over the train pairs in a fresh random order. `train` holds the same pairs as `pairs`.
  void learn_epoch(std::span<const Pair> pairs, const ItemsOfUsers& train);

  // One step on a triple: user, an item that goes with it, one that does not.
  void learn(std::uint32_t user, std::uint32_t item, std::uint32_t other);

  Vector user(std::uint32_t user) const { return users_.sum(user).vector; }
  Embedding item(std::uint32_t item) const { return items_.sum(item); }

  // score(user, item) - score(user, other).
  float margin(std::uint32_t user, std::uint32_t item, std::uint32_t other) const;

  // Of the loss of a triple, without weight decay, by the user's vector, the item's vector and the
  // item's bias (the other item's gradients are these with their sign changed).
  struct Gradient {
    Vector user{};
    Vector item{};
    float bias = 0;
  };
  Gradient gradient(std::uint32_t user, std::uint32_t item, std::uint32_t other) const;

  // Direct access to the rows, for tests.
  Embedding& user_row(Row row) { return users_.matrix[row.value].values; }
  Embedding& item_row(Row row) { return items_.matrix[row.value].values; }

 private:
  // Values and optimiser state of a row side by side: a step touches both.
  struct alignas(16) RowData {
    Embedding values;
    float vector_state;
    float bias_state;
  };
  struct Table {
    Table(const evaluation::RowsOfIds& ids, Random random, const BprSettings& settings);
    Embedding sum(std::uint32_t id) const;
    // Steps against sign * (vector, bias) in each row of the id.
    void step(std::uint32_t id, float sign, const Vector& vector, float bias,
              const BprSettings& settings);

    const evaluation::RowsOfIds& ids;
    std::vector<RowData> matrix;
  };

  static float margin(const Vector& user, const Embedding& item, const Embedding& other);

  BprSettings settings_;
  Random random_;
  Table users_;
  Table items_;
  std::vector<Pair> order_;
};

}  // namespace remapd::quality
