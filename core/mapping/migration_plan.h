// A migration plan: what each changed row of version `to` is made of, in rows of version `from`.
//
// A row whose known ids all sat in it before is not listed: it stays as it is. Every other row's
// new value is the weighted mean of old rows (weights = decayed frequency of the ids that bring
// them, normalised to sum 1 per row). Rows listed in `restarted` hold no known id and are open to
// new ids: they start again from one mixture of old rows, the same for all of them.
//
// Optimiser state (for example Adagrad's accumulators) is carried by the same mixture where `state`
// says kCarry, and set back to its initial value where it says kReset.
//
// All values are read from the old matrix before any is written: apply() does so.
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
// kCorrupt or kUnsupported; every index and weight is checked against the plan's own bounds.
Result<MigrationPlan> decode_plan(ByteView bytes);

// Migrates a row-major matrix of `columns` floats a row in place; matrix.size() must be
// columns * max(from_rows, to_rows), else kInvalidArgument. O(changed * columns) time and space.
Result<void> apply(const MigrationPlan& plan, std::span<float> matrix, std::size_t columns);

// The same for per-row optimiser state (`columns` = 1 for row-wise Adagrad); rows whose state is
// reset get `initial`.
Result<void> apply_to_state(const MigrationPlan& plan, std::span<float> state, std::size_t columns,
                            float initial);

}  // namespace remapd::mapping
