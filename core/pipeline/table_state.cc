#include "core/pipeline/table_state.h"

#include "core/mapping/mapping_state.h"

namespace remapd::pipeline {

TableState::TableState(const TableConfig& config)
    : config_(config),
      ids_(config.max_tracked_ids),
      rows_(ids_.slot_count()),
      marks_(ids_.slot_count()) {}

sketch::TrackedIds::Footprint TableState::footprint(const TableConfig& config) {
  auto out = sketch::TrackedIds::footprint(config.max_tracked_ids);
  out.bytes += out.slots * (sizeof(Row) + 1) + sketch::HyperLogLog().memory_bytes();
  return out;
}

void TableState::access(std::span<const Id> ids, std::span<sketch::Slot> slots,
                        std::vector<sketch::Slot>& admitted, std::span<std::uint8_t> newcomer) {
  const std::size_t before = admitted.size();
  ids_.count_accesses(ids, slots, admitted);
  for (std::size_t i = before; i < admitted.size(); ++i) {
    const Id id = ids_.id_of(admitted[i]);
    distinct_.add(mix64(id));
    // The incumbent may know an id that was evicted and comes back.
    rows_[admitted[i]] = incumbent_row(id);
    marks_[admitted[i]] = rows_[admitted[i]] != kNoRow ? kKnown : 0;
  }
  // Locals: the bytes written could otherwise be anything, and everything be read again after them.
  constexpr std::size_t kAhead = 32;
  std::uint8_t* const all_marks = marks_.data();
  std::uint64_t unknown = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i + kAhead < slots.size() && slots[i + kAhead] != sketch::kNoSlot) {
      __builtin_prefetch(&all_marks[slots[i + kAhead]], 1);
    }
    if (slots[i] == sketch::kNoSlot) [[unlikely]] {
      distinct_.add(mix64(ids[i]));  // ids that have a slot were added when they got it
      newcomer[i] = 1;
      ++unknown;
      continue;
    }
    const std::uint8_t marks = all_marks[slots[i]];
    const auto is_new = static_cast<std::uint8_t>((marks & kKnown) == 0 ? 1 : 0);
    if ((marks & kTouched) == 0) all_marks[slots[i]] = marks | kTouched;
    newcomer[i] = is_new;
    unknown += is_new;
  }
  recent_unknown_ += unknown;
  accesses_ += ids.size();
  recent_accesses_ += ids.size();
}

void TableState::fold(double decay, std::vector<sketch::Slot>& evicted) {
  const std::size_t before = evicted.size();
  ids_.fold(decay, evicted);
  evicted_ += evicted.size() - before;
}

void TableState::adopt(mapping::Mapping incumbent, std::uint64_t clustered_ids) {
  incumbent_ = std::make_shared<const mapping::Mapping>(std::move(incumbent));
  clustered_ids_ = clustered_ids;
  recent_accesses_ = 0;
  recent_unknown_ = 0;
  find_rows();
}

void TableState::find_rows() {
  for (std::uint8_t& marks : marks_.span()) {
    if (marks != 0) marks = 0;  // pages never used stay untouched
  }
  if (!incumbent_) return;
  std::vector<sketch::Slot> slots(incumbent_->ids.size());
  ids_.find(incumbent_->ids, slots);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] == sketch::kNoSlot) continue;
    rows_[slots[i]] = incumbent_->rows[i];
    marks_[slots[i]] = kKnown;
  }
}

Row TableState::incumbent_row(Id id) const {
  if (!incumbent_) return kNoRow;
  const std::size_t at = incumbent_->find(id);
  return at < incumbent_->ids.size() ? incumbent_->rows[at] : kNoRow;
}

double TableState::unknown_traffic() const {
  if (recent_accesses_ == 0) return 0;
  return static_cast<double>(recent_unknown_) / static_cast<double>(recent_accesses_);
}

std::size_t TableState::memory_bytes() const {
  std::size_t bytes =
      ids_.memory_bytes() + rows_.memory_bytes() + marks_.memory_bytes() + distinct_.memory_bytes();
  if (incumbent_) bytes += incumbent_->ids.size() * (sizeof(Id) + sizeof(Row));
  return bytes;
}

void TableState::save(ByteWriter& out) const {
  ids_.save(out);
  distinct_.save(out);
  out.put(clustered_ids_);
  out.put(accesses_);
  out.put(evicted_);
  out.put(recent_accesses_);
  out.put(recent_unknown_);
  out.put<std::uint8_t>(incumbent_ ? 1 : 0);
  if (incumbent_) mapping::save(*incumbent_, out);
  std::vector<std::uint64_t> touched((marks_.size() + 63) / 64);
  for (std::uint32_t slot = 0; slot < marks_.size(); ++slot) {
    if (this->touched(slot)) touched[slot / 64] |= std::uint64_t{1} << (slot % 64);
  }
  out.put_vector(touched);
}

Result<void> TableState::load(ByteReader& in) {
  if (auto ok = ids_.load(in); !ok) return ok;
  if (auto ok = distinct_.load(in); !ok) return ok;
  clustered_ids_ = in.get<std::uint64_t>();
  accesses_ = in.get<std::uint64_t>();
  evicted_ = in.get<std::uint64_t>();
  recent_accesses_ = in.get<std::uint64_t>();
  recent_unknown_ = in.get<std::uint64_t>();
  if (in.get<std::uint8_t>() != 0) {
    auto incumbent = mapping::load_mapping(in);
    if (!incumbent) return fail(std::move(incumbent).error());
    incumbent_ = std::make_shared<const mapping::Mapping>(std::move(*incumbent));
  }
  const auto touched = in.get_vector<std::uint64_t>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "table state: cut short");
  if (touched.size() != (marks_.size() + 63) / 64) {
    return fail(ErrorCode::kCorrupt, "table state: its marks are of another number of slots");
  }
  find_rows();
  for (std::size_t slot = 0; slot < marks_.size(); ++slot) {
    if ((touched[slot / 64] >> (slot % 64) & 1) != 0) marks_[slot] |= kTouched;
  }
  return {};
}

}  // namespace remapd::pipeline
