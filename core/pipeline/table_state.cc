#include "core/pipeline/table_state.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/parallel.h"
#include "core/mapping/mapping_state.h"

namespace remapd::pipeline {

TableState::TableState(const TableConfig& config)
    : config_(config),
      ids_(config.max_tracked_ids),
      count_horizon_(ids_.slot_count()),
      rows_(ids_.slot_count()),
      touched_before_(ids_.slot_count()) {}

sketch::TrackedIds::Footprint TableState::footprint(const TableConfig& config) {
  auto out = sketch::TrackedIds::footprint(config.max_tracked_ids);
  out.bytes += out.slots * sizeof(Row) + sketch::HyperLogLog().memory_bytes() +
               sketch::CountHorizon::bytes(out.slots);
  return out;
}

// Splits the marks that accesses found into is_new_id and, in place, generations; returns the
// number of accesses by new ids.
std::uint64_t TableState::take_marks_apart(std::span<sketch::Marks> marks,
                                           std::span<std::uint8_t> is_new_id) {
  // uint8_t pointers may alias anything; __restrict lets the compiler vectorise the loop.
  sketch::Marks* const __restrict of = marks.data();
  std::uint8_t* const __restrict flags = is_new_id.data();
  const std::size_t count = marks.size();
  std::uint64_t new_ids = 0;
  for (std::size_t i = 0; i < count; ++i) {
    flags[i] = (of[i] & kKnown) == 0 ? 1 : 0;
    of[i] &= kGeneration;
    new_ids += flags[i];
  }
  return new_ids;
}

void TableState::access(std::span<const Id> ids, const Accessed& out,
                        std::span<const std::uint8_t> generations,
                        std::vector<sketch::Slot>& admitted) {
  const auto starts_with = [&](std::span<const sketch::Slot> slots, std::span<const Id> added,
                               std::span<sketch::Marks> marks) {
    for (std::size_t i = 0; i < added.size(); ++i) {
      distinct_.add(mix64(added[i]));
      if (!generations.empty()) marks[i] = generations[slots[i]];
    }
    if (!incumbent_) return;
    // The incumbent may know an id that was evicted and is tracked again.
    std::array<Row, sketch::TrackedIds::kBlock> rows;
    incumbent_->find(added, std::span(rows).first(added.size()));
    for (std::size_t i = 0; i < added.size(); ++i) {
      if (rows[i] == kNoRow) continue;
      rows_[slots[i]] = rows[i];
      marks[i] |= kKnown;
    }
  };
  const std::size_t untracked =
      ids_.count_accesses(ids, {.slots = out.slots, .marks = out.generation, .counts = out.counts},
                          kTouched, starts_with, admitted);
  if (incumbent_) note_first_accesses(out.slots, out.generation);
  const std::uint64_t new_ids = take_marks_apart(out.generation, out.is_new_id);
  for (std::size_t i = 0; untracked > 0 && i < ids.size(); ++i) {
    // Ids that have a slot were added when they got it.
    if (out.slots[i] == sketch::kNoSlot) distinct_.add(mix64(ids[i]));
  }
  recent_new_id_accesses_ += new_ids;
  accesses_ += ids.size();
  decayed_accesses_ += static_cast<double>(ids.size());
  recent_accesses_ += ids.size();
}

// By the marks that accesses found.
void TableState::note_first_accesses(std::span<const sketch::Slot> slots,
                                     std::span<const sketch::Marks> marks) {
  const auto first = [](sketch::Marks found) { return (found & kTouched) == 0; };
  for (auto at = std::find_if(marks.begin(), marks.end(), first); at != marks.end();
       at = std::find_if(at + 1, marks.end(), first)) {
    const sketch::Slot slot = slots[static_cast<std::size_t>(at - marks.begin())];
    if (slot != sketch::kNoSlot) accessed_.push_back(slot);
  }
}

void TableState::fold(double samples, std::vector<sketch::Slot>& evicted) {
  const std::size_t before = evicted.size();
  double decay = 1;
  if (config_.horizon < 0) {
    count_horizon_.predict(ids_);
    decay = count_horizon_.decay();
  } else if (config_.horizon > 0) {
    decay = std::exp2(-samples / config_.horizon);
  }
  ids_.fold(decay, evicted);
  count_horizon_.forget(std::span(evicted).subspan(before));
  evicted_ += evicted.size() - before;
  decayed_accesses_ *= decay;
}

void TableState::adopt(mapping::Mapping incumbent, std::uint64_t clustered_ids,
                       std::shared_ptr<placement::PlacedRows> placed) {
  incumbent_.emplace(std::move(incumbent));
  clustered_ids_ = clustered_ids;
  placed_ = std::move(placed);
  placed_new_ids_ = 0;
  touched_before_.assign(touched_before_.size(), false);
  find_rows();
  begin_anew();
}

void TableState::adopt(const mapping::Delta& increment, const mapping::MappingStats& stats,
                       std::span<const placement::Increment::RowTraffic> row_traffic) {
  incumbent_->apply(increment, stats);
  placed_new_ids_ += increment.added.size();
  const auto set_rows = [&](const std::vector<Id>& ids, const std::vector<Row>& rows) {
    std::vector<sketch::Slot> slots(ids.size());
    ids_.add_marks(ids, slots, kKnown);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (slots[i] != sketch::kNoSlot) rows_[slots[i]] = rows[i];
    }
  };
  set_rows(increment.added, increment.added_rows);
  set_rows(increment.moved, increment.moved_rows);
  for (const auto& [row, traffic] : row_traffic) placed_->set_traffic(row, traffic);
  const auto in_version = std::span(accessed_).first(in_version_);
  for (const sketch::Slot slot : in_version) touched_before_[slot] = true;
  ids_.clear_marks(in_version, kTouched);
  begin_anew();
}

// Counts from the version that has been adopted on.
void TableState::begin_anew() {
  accessed_.erase(accessed_.begin(), accessed_.begin() + static_cast<std::ptrdiff_t>(in_version_));
  in_version_ = 0;
  ids_.add_marks(accessed_, kTouched);
  recent_accesses_ = 0;
  recent_new_id_accesses_ = 0;
}

void TableState::find_rows() {
  ids_.clear_marks(kKnown | kTouched);
  if (!incumbent_) return;
  const auto mapping = incumbent_->mapping();
  // Ids are sorted, shards go by their hashes: every part goes over all ids and keeps to its
  // shards.
  constexpr std::size_t kParts = 4;
  constexpr std::size_t kTogether = 4'096;  // ids
  const std::size_t shards = ids_.shard_count();
  const std::size_t parts = std::min(kParts, shards);
  parallel_pieces(parts, [&](std::size_t part) {
    const std::size_t first = part * shards / parts;
    const std::size_t last = (part + 1) * shards / parts;
    std::vector<Id> ids;
    std::vector<Row> rows;
    std::vector<sketch::Slot> slots;
    const auto find = [&] {
      slots.resize(ids.size());
      ids_.add_marks(ids, slots, kKnown);
      for (std::size_t i = 0; i < slots.size(); ++i) {
        if (slots[i] != sketch::kNoSlot) rows_[slots[i]] = rows[i];
      }
      ids.clear();
      rows.clear();
    };
    for (std::size_t i = 0; i < mapping->ids.size(); ++i) {
      const Id id = mapping->ids[i];
      const std::uint32_t shard = ids_.shard_of(id);
      if (shard < first || shard >= last) continue;
      ids.push_back(id);
      rows.push_back(mapping->rows[i]);
      if (ids.size() == kTogether) find();
    }
    find();
  });
}

double TableState::new_id_traffic() const {
  if (recent_accesses_ == 0) return 0;
  return static_cast<double>(recent_new_id_accesses_) / static_cast<double>(recent_accesses_);
}

std::size_t TableState::memory_bytes() const {
  std::size_t bytes = ids_.memory_bytes() + rows_.memory_bytes() + distinct_.memory_bytes() +
                      count_horizon_.memory_bytes();
  if (incumbent_) bytes += incumbent_->memory_bytes();
  if (placed_) bytes += placed_->memory_bytes();
  bytes += accessed_.capacity() * sizeof(sketch::Slot) + touched_before_.size() / 8;
  return bytes;
}

void TableState::save(StateWriter& out) const {
  ids_.save(out);
  ByteWriter& small = out.small();
  distinct_.save(small);
  count_horizon_.save(small);
  small.put(clustered_ids_);
  small.put(placed_new_ids_);
  small.put(accesses_);
  small.put(evicted_);
  small.put(recent_accesses_);
  small.put(recent_new_id_accesses_);
  small.put(decayed_accesses_);
  small.put<std::uint8_t>(incumbent_ ? 1 : 0);
  if (incumbent_) {
    out.add([this](ByteWriter& bytes) { mapping::save(*incumbent_->mapping(), bytes); });
  }
  out.small().put<std::uint8_t>(placed_ ? 1 : 0);
  if (placed_) {
    out.add([this](ByteWriter& bytes) { placed_->save(bytes); });
  }
  out.add([this](ByteWriter& bytes) {
    bytes.put_vector(accessed_);
    std::vector<std::uint64_t> touched((slot_count() + 63) / 64);
    for (sketch::Slot slot = 0; slot < slot_count(); ++slot) {
      if (touched_before_[slot]) touched[slot / 64] |= std::uint64_t{1} << (slot % 64);
    }
    bytes.put_vector(touched);
  });
}

Result<void> TableState::load(ByteReader& in) {
  if (auto ok = ids_.load(in); !ok) return ok;
  if (auto ok = distinct_.load(in); !ok) return ok;
  if (auto ok = count_horizon_.load(in); !ok) return ok;
  clustered_ids_ = in.get<std::uint64_t>();
  placed_new_ids_ = in.get<std::uint64_t>();
  accesses_ = in.get<std::uint64_t>();
  evicted_ = in.get<std::uint64_t>();
  recent_accesses_ = in.get<std::uint64_t>();
  recent_new_id_accesses_ = in.get<std::uint64_t>();
  decayed_accesses_ = in.get<double>();
  incumbent_.reset();
  if (in.get<std::uint8_t>() != 0) {
    auto incumbent = mapping::load_mapping(in);
    if (!incumbent) return fail(std::move(incumbent).error());
    incumbent_.emplace(std::move(*incumbent));
  }
  placed_.reset();
  if (in.get<std::uint8_t>() != 0) {
    if (!incumbent_) return fail(ErrorCode::kCorrupt, "table state: rows of no mapping");
    auto placed = placement::PlacedRows::load(in, incumbent_->info().rows);
    if (!placed) return fail(std::move(placed).error());
    placed_ = std::move(*placed);
  }
  accessed_ = in.get_vector<sketch::Slot>();
  const auto touched = in.get_vector<std::uint64_t>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "table state: cut short");
  if (touched.size() != (slot_count() + 63) / 64 || !(decayed_accesses_ >= 0) ||
      std::any_of(accessed_.begin(), accessed_.end(),
                  [&](sketch::Slot slot) { return slot >= slot_count(); })) {
    return fail(ErrorCode::kCorrupt, "table state: contradicts itself");
  }
  in_version_ = 0;
  for (sketch::Slot slot = 0; slot < slot_count(); ++slot) {
    touched_before_[slot] = (touched[slot / 64] >> (slot % 64) & 1) != 0;
  }
  find_rows();
  ids_.add_marks(accessed_, kTouched);
  return {};
}

}  // namespace remapd::pipeline
