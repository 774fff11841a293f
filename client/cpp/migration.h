// What a swap asks of the trainer: the migration plans from the version that was served to the one
// that is, in order, to be applied to the embedding matrix and to its per-row optimiser state
// before the next step. Swapping without migrating is worse than plain hashing.
//
// A value; holds the plans. Not thread safe against changes of the matrices it is applied to.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/migration_plan.h"

namespace remapd::client {

using PlanPtr = std::shared_ptr<const mapping::MigrationPlan>;

class Migration {
 public:
  // The plans lead from `from` to `to` one after another, or there is a reason why they do not.
  Migration(Version from, Version to, std::vector<PlanPtr> plans);
  Migration(Version from, Version to, std::string missing);

  Version from() const { return from_; }
  Version to() const { return to_; }
  const std::vector<PlanPtr>& plans() const { return plans_; }

  // False when a plan in between is missing: apply() then refuses and changes nothing. Remedies,
  // best first: load the rows from a checkpoint of the model whose version the plans lead on from;
  // start the table's rows afresh; train on as it is, which recovers slowly, since every row that
  // changed its ids has to be learned again against its old content.
  bool complete() const { return missing_.empty(); }
  const std::string& missing() const { return missing_; }  // what is, in words; empty: nothing

  // The rows a matrix must have: the largest row budget on the way. A table that grows is given its
  // new rows before the migration, one that shrinks is cut after it. 0: nothing to do.
  std::size_t rows() const { return rows_; }

  // A row-major matrix of `columns` floats a row, in place. kNotFound when not complete();
  // kInvalidArgument unless matrix.size() == rows() * columns. Nothing is changed on an error.
  Result<void> apply(std::span<float> matrix, std::size_t columns) const;
  // Per-row optimiser state (`columns` = 1 for row-wise Adagrad); what is reset becomes `initial`.
  Result<void> apply_to_state(std::span<float> state, std::size_t columns, float initial) const;

 private:
  Result<void> check(std::size_t size, std::size_t columns) const;

  Version from_;
  Version to_;
  std::vector<PlanPtr> plans_;
  std::string missing_;
  std::size_t rows_ = 0;
};

}  // namespace remapd::client
