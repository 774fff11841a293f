#include "core/embedding/id_groups.h"

#include <algorithm>
#include <bit>

namespace remapd::embedding {

void IdGroups::find(const SlotBatch& batch, std::span<const std::uint32_t> columns,
                    std::size_t mini_batch) {
  accesses_.clear();
  ids_.clear();
  ends_.assign(1, {0, 0});
  columns_ = columns.size();
  column_ends_.clear();
  for (std::size_t first = 0; first < batch.samples; first += mini_batch) {
    const std::size_t last = std::min(batch.samples, first + mini_batch);
    positions_.clear();
    std::uint32_t most = 0;  // accesses
    for (const std::uint32_t c : columns) {
      const SlotBatch::Column& column = batch.columns[c];
      const auto slots =
          std::span(column.slots)
              .subspan(column.begin[first], column.begin[last] - column.begin[first]);
      const auto untracked = std::count(slots.begin(), slots.end(), kNoSlot);
      positions_.push_back(most);
      most += static_cast<std::uint32_t>(slots.size() - static_cast<std::size_t>(untracked));
      column_ends_.push_back(most);
    }
    id_at_.assign(std::bit_ceil(std::size_t{2} * most + 1), 0);
    for (std::size_t s = first; s < last; ++s) {
      for (std::size_t c = 0; c < columns.size(); ++c) {
        for (const Slot slot : batch.columns[columns[c]].of(s)) {
          if (slot == kNoSlot) continue;
          accesses_.push_back(
              {positions_[c]++, static_cast<std::uint32_t>(s - first), id_of(slot)});
        }
      }
    }
    ends_.push_back({accesses_.size(), ids_.size()});
  }
}

// The id of the mini-batch, which is new if it has not been met in it.
[[gnu::always_inline]] inline std::uint32_t IdGroups::id_of(Slot slot) {
  const std::size_t first = ends_.back().ids;
  const std::size_t mask = id_at_.size() - 1;
  std::size_t at = (slot * 0x9e3779b1U >> 7) & mask;
  for (; id_at_[at] != 0; at = (at + 1) & mask) {
    const std::uint32_t id = id_at_[at] - 1;
    if (ids_[first + id] == slot) return id;
  }
  ids_.push_back(slot);
  id_at_[at] = static_cast<std::uint32_t>(ids_.size() - first);
  return id_at_[at] - 1;
}

}  // namespace remapd::embedding
