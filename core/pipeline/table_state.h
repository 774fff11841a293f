// TableState: what the engine keeps of one table beside the learners' parameters: tracked ids with
// their counts, the distinct-id sketch, and the incumbent mapping.
//
// Counts have a half-life: the configured horizon, or the one that predicts the stream best
// (count_horizon.h).
//
// Not thread safe; different tables may be used at the same time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"
#include "core/base/state_writer.h"
#include "core/mapping/artifact.h"
#include "core/mapping/id_index.h"
#include "core/mapping/mapping.h"
#include "core/pipeline/engine_config.h"
#include "core/sketch/count_horizon.h"
#include "core/sketch/hyperloglog.h"
#include "core/sketch/tracked_ids.h"

namespace remapd::pipeline {

class TableState {
 public:
  explicit TableState(const TableConfig& config);

  // The size of a table without its incumbent, without making one.
  static sketch::TrackedIds::Footprint footprint(const TableConfig& config);

  const TableConfig& config() const { return config_; }
  std::uint32_t slot_count() const { return ids_.slot_count(); }
  const sketch::TrackedIds& ids() const { return ids_; }

  // The results of access(), one for each id.
  struct Accessed {
    std::span<sketch::Slot> slots;       // kNoSlot: not tracked
    std::span<std::uint8_t> is_new_id;   // 1: the incumbent mapping does not know it
    std::span<std::uint32_t> counts;     // as TrackedIds::Accessed::counts
    std::span<std::uint8_t> generation;  // of its slot when the id was admitted
  };
  // Counts one access of each id. Slots of newly tracked ids are appended to `admitted`.
  // `generations`: of each slot, for ids admitted now; empty if they are all 0.
  void access(std::span<const Id> ids, const Accessed& out,
              std::span<const std::uint8_t> generations, std::vector<sketch::Slot>& admitted);
  // How many generations of a slot it can tell apart, from 0 on.
  std::uint32_t generations() const { return 1U + (ids_.marks_kept() & kGeneration); }
  // All ids are of generation 0.
  void restart_generations() { ids_.clear_marks(kGeneration); }
  // A tick, so many samples after the last: decays counts and makes room; the slots freed are
  // appended to `evicted`.
  void fold(double samples, std::vector<sketch::Slot>& evicted);
  // Of counts, in samples where a tick has so many; 0: they do not decay.
  double half_life(double tick_samples) const {
    return config_.horizon >= 0 ? config_.horizon : count_horizon_.half_life() * tick_samples;
  }

  // The incumbent mapping, null before the first.
  std::shared_ptr<const mapping::Mapping> incumbent() const { return incumbent_; }
  std::uint64_t clustered_ids() const { return clustered_ids_; }
  void adopt(mapping::Mapping incumbent, std::uint64_t clustered_ids);
  // The incumbent's row of the slot's id; kNoRow if it does not place the id.
  Row row(sketch::Slot slot) const {
    return (ids_.marks(slot) & kKnown) != 0 ? rows_[slot] : kNoRow;
  }
  // Whether the slot's id was accessed since the last adopt().
  bool touched(sketch::Slot slot) const { return (ids_.marks(slot) & kTouched) != 0; }

  std::uint64_t accesses() const { return accesses_; }
  std::uint64_t evicted() const { return evicted_; }
  double distinct_ids() const { return distinct_.estimate(); }
  // Share of the accesses since the last adopt() by ids the incumbent does not know.
  double new_id_traffic() const;
  std::size_t memory_bytes() const;

  void save(StateWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  static constexpr sketch::Marks kGeneration = 0x1f;
  static constexpr sketch::Marks kKnown = 0x20;  // to the incumbent
  static constexpr sketch::Marks kTouched = 0x40;

  static std::uint64_t take_marks_apart(std::span<sketch::Marks> marks,
                                        std::span<std::uint8_t> is_new_id);
  void find_rows();

  TableConfig config_;
  sketch::TrackedIds ids_;
  sketch::HyperLogLog distinct_;
  sketch::CountHorizon count_horizon_;
  HugeArray<Row> rows_;  // by slot: in the incumbent, where the id is known to it
  std::shared_ptr<const mapping::Mapping> incumbent_;
  mapping::IdIndex known_ids_;  // the incumbent's
  std::uint64_t clustered_ids_ = 0;
  std::uint64_t accesses_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t recent_accesses_ = 0;  // since the last adopt()
  std::uint64_t recent_new_id_accesses_ = 0;
};

}  // namespace remapd::pipeline
