// The supervised learner: an online factorisation machine (Rendle, ICDM 2010) over the ids of a
// sample, with logistic loss and row-wise Adagrad. Each id has a bias and `factors` weights.
//
// Learning is by mini-batch: gradients of a mini-batch are taken at the same parameters and summed
// by id in the order of the samples, then each id makes one step. The result does not depend on the
// number of threads.
//
// embed() returns coordinates in which the squared distance of two ids is the expected squared
// change of a prediction if one had the other's parameters. With those of b instead of a the logit
// changes by
//     (bias_a - bias_b) + (v_a - v_b) . s,   s = sum of the other ids' vectors in the sample,
// so the expectation is a quadratic form of the second moments of (1, s) over the table's traffic.
// Its factor, metric(), maps parameters to coordinates; coordinates by one metric are comparable
// over time, those by different ones are not.
//
// Every table has a typical new id: parameters learned from all accesses by new ids, as if these
// shared one row. new_id_persistence() is the correlation between its prediction errors at
// successive accesses of the same new id: it says whether rows of their own help new ids.
//
// A table whose ids come to behave differently is followed: see AccessHorizon. The bias and the
// typical new ids, which all samples learn, go by their last 1,024 mini-batches.
//
// Mini-batches depend on each other and are learned one after another; the moments, which learning
// does not read, are summed a stretch behind, in parallel by table.
//
// Not thread safe; parallel inside.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"
#include "core/base/state_writer.h"
#include "core/embedding/access_horizon.h"
#include "core/embedding/id_groups.h"
#include "core/embedding/slot_batch.h"

namespace remapd::embedding {

class FactorisationMachine {
 public:
  struct Config {
    std::uint32_t factors = 8;  // multiple of 4
    float learning_rate = 0.1F;
    float initial_scale = 0.01F;  // standard deviation of the initial factors
    double moment_decay = 0.999;  // of the context moments, per mini-batch
    std::uint64_t seed = 1;
  };

  // slot_counts: size of each table's slot space.
  FactorisationMachine(const Config& config, std::span<const std::uint32_t> slot_counts);

  // Initialises newly tracked ids: factors derived from the id's hash, bias 0.
  void admit(TableIndex table, std::span<const Slot> slots, std::span<const Id> ids);

  // Learns the labelled samples of the batch from `first`, where a mini-batch begins, in
  // mini-batches of `mini_batch` > 0 samples, the last one shorter. `groups`: by table, those of
  // the same mini-batches; not read for tables without columns. Allocates nothing once its scratch
  // has grown.
  void learn(const SlotBatch& batch, std::span<const IdGroups> groups, std::size_t first,
             std::size_t mini_batch);

  // Correlation, in [-1, 1], between the residuals (label - prediction of the typical new id) of
  // successive recent accesses of the same new id; none while there were no such accesses.
  std::optional<double> new_id_persistence(TableIndex table) const;
  // Of a table whose horizon the stream is not to choose: accesses; 0: unbounded.
  void set_horizon(TableIndex table, double accesses) {
    tables_[table.value].horizon.set(accesses);
  }
  // How many of its latest accesses count for an id of the table.
  const AccessHorizon& horizon(TableIndex table) const { return tables_[table.value].horizon; }

  // Floats per id of embed().
  std::size_t dimension() const { return config_.factors + 1; }
  // Of the table's recent traffic: upper triangular, row-major, dimension() x dimension().
  std::vector<float> metric(TableIndex table) const;
  // By a metric of the table; row-major, slots.size() x dimension().
  std::vector<float> embed(TableIndex table, std::span<const Slot> slots,
                           std::span<const float> metric) const;
  std::vector<float> embed(TableIndex table, std::span<const Slot> slots) const {
    return embed(table, slots, metric(table));
  }

  static std::size_t bytes_per_slot(const Config& config) {
    return (kFactors + config.factors) * sizeof(float);
  }
  std::size_t memory_bytes() const;
  void save(StateWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  // One id: bias, accumulated squared gradients of the bias and of the factors; one number from its
  // last step; factors. That number is the residual of a new id until it has settled, afterwards
  // one coordinate of the gradient.
  static constexpr std::size_t kBias = 0;
  static constexpr std::size_t kBiasSquares = 1;
  static constexpr std::size_t kFactorSquares = 2;
  static constexpr std::size_t kLast = 3;
  static constexpr std::size_t kFactors = 4;

  struct Table {
    HugeArray<float> parameters;        // slots x stride
    std::vector<double> moments;        // of (1, s), decayed: factors + 1 rows of moment_stride_
    std::vector<float> typical_new_id;  // the typical new id, laid out like an id
    double residual_products = 0;       // of successive residuals of the same new id, decayed
    double residual_squares = 0;        // of the same pairs
    AccessHorizon horizon;
  };

  using Squares = AccessHorizon::Sums;

  float* at(Table& table, Slot slot) const { return table.parameters.data() + slot * stride_; }
  const float* at(const Table& table, Slot slot) const {
    return table.parameters.data() + slot * stride_;
  }
  float* context_sum(std::size_t sample) { return sums_.data() + sample * config_.factors; }

  template <std::size_t kFour>
  void learn_with(const SlotBatch& batch, std::span<const IdGroups> groups, std::size_t first,
                  std::size_t mini_batch);
  template <std::size_t kFour>
  void learn_mini_batch(const SlotBatch& batch, std::span<const IdGroups> groups, std::size_t first,
                        std::size_t last, std::size_t mini_batch);
  void prefetch(const Table& table, std::span<const Slot> slots) const;
  std::size_t prefetch_stretch(const SlotBatch& batch, std::span<const IdGroups> groups,
                               std::size_t begin, std::size_t end) const;
  template <std::size_t kFour>
  void forward(const SlotBatch& batch, std::size_t first, std::size_t last);
  void sort_columns(const SlotBatch& batch);
  void update_moments(Table& table, std::size_t columns, std::size_t t, std::size_t first,
                      std::size_t last);
  template <std::size_t kFour>
  void update_table(Table& table, const IdGroups& groups, std::size_t mini_batch);
  template <std::size_t kFour>
  void update_typical_new_id(const SlotBatch::Column& column, std::span<const float> labels,
                             std::size_t first, std::size_t last);
  float* context(std::size_t access) { return contexts_.data() + access * config_.factors; }
  std::size_t contexts_before(std::size_t end) const {
    return end == 0 ? 0 : context_ends_[end - 1];
  }
  std::size_t contexts_used() const { return contexts_before(context_ends_.size()); }
  // Of the t-th of the tables that have columns.
  std::uint32_t table_of(const SlotBatch& batch, std::size_t t) const {
    return batch.columns[by_table_[table_begin_[t]]].table.value;
  }
  std::vector<double> packed_moments(const Table& table) const;
  template <std::size_t kFour>
  void step(float* parameters, float bias_gradient, const float* factor_gradient,
            Squares& squares) const;
  void forget(float* parameters, const AccessHorizon& horizon) const;

  Config config_;
  std::size_t stride_;
  std::vector<Table> tables_;
  float bias_ = 0;
  float bias_squares_ = 0;

  // Scratch of the batch.
  std::vector<std::uint32_t> by_table_;     // columns, those of a table together
  std::vector<std::uint32_t> table_begin_;  // in by_table_, of each table that has columns; its end
  std::vector<float> contexts_;             // accesses x factors: sum of the other vectors
  std::vector<std::size_t> context_ends_;   // in contexts_ / factors, mini-batch by mini-batch of
                                            // each column, in the order of by_table_

  // Scratch of the current mini-batch; samples are counted from its first.
  std::vector<float> sums_;  // samples x factors: sum of all vectors
  std::vector<float> logit_;
  std::vector<float> gradient_;          // one for each sample; 0 for unlabelled ones
  std::vector<float> bias_gradients_;    // of each id of the table at hand
  std::vector<float> factor_gradients_;  // ids x factors
  std::vector<float> step_;
};

}  // namespace remapd::embedding
