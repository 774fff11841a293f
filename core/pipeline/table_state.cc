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
      rows_(ids_.slot_count()) {}

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
    std::array<std::size_t, sketch::TrackedIds::kBlock> places;
    known_ids_.find(added, std::span(places).first(added.size()));
    for (std::size_t i = 0; i < added.size(); ++i) {
      if (places[i] == incumbent_->ids.size()) continue;
      rows_[slots[i]] = incumbent_->rows[places[i]];
      marks[i] |= kKnown;
    }
  };
  const std::size_t untracked =
      ids_.count_accesses(ids, {.slots = out.slots, .marks = out.generation, .counts = out.counts},
                          kTouched, starts_with, admitted);
  const std::uint64_t new_ids = take_marks_apart(out.generation, out.is_new_id);
  for (std::size_t i = 0; untracked > 0 && i < ids.size(); ++i) {
    // Ids that have a slot were added when they got it.
    if (out.slots[i] == sketch::kNoSlot) distinct_.add(mix64(ids[i]));
  }
  recent_new_id_accesses_ += new_ids;
  accesses_ += ids.size();
  recent_accesses_ += ids.size();
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
}

void TableState::adopt(mapping::Mapping incumbent, std::uint64_t clustered_ids) {
  incumbent_ = std::make_shared<const mapping::Mapping>(std::move(incumbent));
  clustered_ids_ = clustered_ids;
  recent_accesses_ = 0;
  recent_new_id_accesses_ = 0;
  find_rows();
}

void TableState::find_rows() {
  ids_.clear_marks(kKnown | kTouched);
  if (!incumbent_) return;
  known_ids_ = mapping::IdIndex(incumbent_->ids);
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
    for (std::size_t i = 0; i < incumbent_->ids.size(); ++i) {
      const Id id = incumbent_->ids[i];
      const std::uint32_t shard = ids_.shard_of(id);
      if (shard < first || shard >= last) continue;
      ids.push_back(id);
      rows.push_back(incumbent_->rows[i]);
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
  if (incumbent_) bytes += incumbent_->ids.size() * (sizeof(Id) + sizeof(Row));
  bytes += known_ids_.memory_bytes();
  return bytes;
}

void TableState::save(StateWriter& out) const {
  ids_.save(out);
  ByteWriter& small = out.small();
  distinct_.save(small);
  count_horizon_.save(small);
  small.put(clustered_ids_);
  small.put(accesses_);
  small.put(evicted_);
  small.put(recent_accesses_);
  small.put(recent_new_id_accesses_);
  small.put<std::uint8_t>(incumbent_ ? 1 : 0);
  if (incumbent_) {
    out.add([this](ByteWriter& bytes) { mapping::save(*incumbent_, bytes); });
  }
  out.add([this](ByteWriter& bytes) {
    std::vector<std::uint64_t> touched((slot_count() + 63) / 64);
    ids_.for_each([&](sketch::Slot slot, Id, double) {
      if (this->touched(slot)) touched[slot / 64] |= std::uint64_t{1} << (slot % 64);
    });
    bytes.put_vector(touched);
  });
}

Result<void> TableState::load(ByteReader& in) {
  if (auto ok = ids_.load(in); !ok) return ok;
  if (auto ok = distinct_.load(in); !ok) return ok;
  if (auto ok = count_horizon_.load(in); !ok) return ok;
  clustered_ids_ = in.get<std::uint64_t>();
  accesses_ = in.get<std::uint64_t>();
  evicted_ = in.get<std::uint64_t>();
  recent_accesses_ = in.get<std::uint64_t>();
  recent_new_id_accesses_ = in.get<std::uint64_t>();
  if (in.get<std::uint8_t>() != 0) {
    auto incumbent = mapping::load_mapping(in);
    if (!incumbent) return fail(std::move(incumbent).error());
    incumbent_ = std::make_shared<const mapping::Mapping>(std::move(*incumbent));
  }
  const auto touched = in.get_vector<std::uint64_t>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "table state: cut short");
  if (touched.size() != (slot_count() + 63) / 64) {
    return fail(ErrorCode::kCorrupt, "table state: its marks are of another number of slots");
  }
  find_rows();
  ids_.add_marks_where(
      [&](sketch::Slot slot) { return (touched[slot / 64] >> (slot % 64) & 1) != 0; }, kTouched);
  return {};
}

}  // namespace remapd::pipeline
