// TableState: what the engine keeps of one table beside the learners' parameters: tracked ids with
// their counts, the distinct-id sketch, the incumbent mapping, and which ids were accessed since.
//
// Counts have a half-life: the configured horizon, or the one that predicts the stream best
// (count_horizon.h).
//
// Not thread safe; different tables may be used at the same time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"
#include "core/base/state_writer.h"
#include "core/mapping/artifact.h"
#include "core/mapping/mapping.h"
#include "core/pipeline/engine_config.h"
#include "core/pipeline/incumbent.h"
#include "core/placement/increment.h"
#include "core/placement/placed_rows.h"
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
  const Incumbent* incumbent() const { return incumbent_ ? &*incumbent_ : nullptr; }
  // What its shared rows hold; null if it was not built here.
  std::shared_ptr<const placement::PlacedRows> placed() const { return placed_; }
  std::uint64_t clustered_ids() const { return clustered_ids_; }
  // By increments since the last version of all ids.
  std::uint64_t placed_new_ids() const { return placed_new_ids_; }

  // The slots accessed first since the last adopt(), in that order; the id of a slot may have
  // changed meanwhile, and then the slot may be there twice.
  std::span<const sketch::Slot> accessed() const { return accessed_; }
  // A version is built of the state as it is now: the next adopt() is of that version, and leaves
  // ids accessed first from now on to the one after.
  void begin_version() { in_version_ = accessed_.size(); }
  // A version of all ids. `placed` may be null.
  void adopt(mapping::Mapping incumbent, std::uint64_t clustered_ids,
             std::shared_ptr<placement::PlacedRows> placed = nullptr);
  // An increment on the incumbent.
  void adopt(const mapping::Delta& increment, const mapping::MappingStats& stats,
             std::span<const placement::Increment::RowTraffic> traffic);
  // The incumbent's row of the slot's id; kNoRow if it does not place the id.
  Row row(sketch::Slot slot) const {
    return (ids_.marks(slot) & kKnown) != 0 ? rows_[slot] : kNoRow;
  }
  // Whether the slot's id was accessed since the last version of all ids was adopted.
  bool touched(sketch::Slot slot) const {
    return (ids_.marks(slot) & kTouched) != 0 || touched_before_[slot];
  }

  std::uint64_t accesses() const { return accesses_; }
  double decayed_accesses() const { return decayed_accesses_; }
  std::uint64_t recent_accesses() const { return recent_accesses_; }  // since the last adopt()
  std::uint64_t evicted() const { return evicted_; }
  double distinct_ids() const { return distinct_.estimate(); }
  // Share of the accesses since the last adopt() by ids the incumbent does not know.
  double new_id_traffic() const;
  std::size_t memory_bytes() const;

  void save(StateWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  static constexpr sketch::Marks kGeneration = 0x1f;
  static constexpr sketch::Marks kKnown = 0x20;    // to the incumbent
  static constexpr sketch::Marks kTouched = 0x40;  // since the last version of any kind

  static std::uint64_t take_marks_apart(std::span<sketch::Marks> marks,
                                        std::span<std::uint8_t> is_new_id);
  void note_first_accesses(std::span<const sketch::Slot> slots,
                           std::span<const sketch::Marks> marks);
  void find_rows();
  void begin_anew();

  TableConfig config_;
  sketch::TrackedIds ids_;
  sketch::HyperLogLog distinct_;
  sketch::CountHorizon count_horizon_;
  HugeArray<Row> rows_;  // by slot: in the incumbent, where the id is known to it
  std::optional<Incumbent> incumbent_;
  std::shared_ptr<placement::PlacedRows> placed_;
  std::vector<sketch::Slot> accessed_;
  std::size_t in_version_ = 0;        // of these: before the version that is being built
  std::vector<bool> touched_before_;  // by slot: before accessed_, since the last of all ids
  std::uint64_t clustered_ids_ = 0;
  std::uint64_t placed_new_ids_ = 0;
  std::uint64_t accesses_ = 0;
  double decayed_accesses_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t recent_accesses_ = 0;  // since the last adopt()
  std::uint64_t recent_new_id_accesses_ = 0;
};

}  // namespace remapd::pipeline
