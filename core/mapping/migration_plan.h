// A migration plan: how to compute the changed rows of version `to` from the rows of version
// `from`.
//
// A row that held all its known ids before is not listed and keeps its value. A changed row becomes
// the weighted mean of the old rows of its ids (weights: decayed frequency, normalised to sum 1). A
// restarted row is a new-id row without known ids: it becomes one mixture of old rows, the same for
// all restarted rows.
//
// Optimiser state (for example Adagrad's accumulators) becomes the same mean where `state` is
// kCarry, and its initial value where it is kReset.
//
// apply() reads all old values before it writes any; another implementation must do the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/types.h"

namespace remapd::mapping {

enum class StateRule : std::uint8_t { kCarry = 0, kReset = 1 };

struct MigrationPlan {
  std::string table;
  Version from;
  Version to;
  std::uint32_t from_rows = 0;  // row budget of `from`
  std::uint32_t to_rows = 0;

  // Compressed sparse rows: changed[i] = sum_j weights[j] * old[sources[j]],
  // j in [source_begin[i], source_begin[i + 1]).
  std::vector<Row> changed;                 // strictly ascending
  std::vector<std::uint32_t> source_begin;  // changed.size() + 1 entries, first 0
  std::vector<Row> sources;
  std::vector<float> weights;    // > 0; sum to 1 for each changed row
  std::vector<StateRule> state;  // one for each changed row

  std::vector<Row> restarted;  // strictly ascending, disjoint from changed; state is always reset
  std::vector<Row> restart_sources;
  std::vector<float> restart_weights;  // sum to 1; empty: start from zero

  bool empty() const { return changed.empty() && restarted.empty(); }
};

// The format is docs/formats.md "Migration plan", version 1, checksummed.
Bytes encode_plan(const MigrationPlan& plan);
// kCorrupt, kUnsupported; every index and weight is checked.
Result<MigrationPlan> decode_plan(ByteView bytes);

// Migrates a row-major matrix, max(from_rows, to_rows) x columns (else kInvalidArgument), in place.
// O((sources + changed + restarted) * columns) time, O((changed + 1) * columns) space.
Result<void> apply(const MigrationPlan& plan, std::span<float> matrix, std::size_t columns);

// The same for optimiser state (columns = 1 for row-wise Adagrad); rows that are reset become
// `initial`.
Result<void> apply_to_state(const MigrationPlan& plan, std::span<float> state, std::size_t columns,
                            float initial);

}  // namespace remapd::mapping
