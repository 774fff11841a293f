#include "core/embedding/id_groups.h"

#include <algorithm>
#include <bit>

namespace remapd::embedding {
namespace {

// Of a table for so many accesses: in one that stays in the cache two ids seldom want the same.
std::size_t places_for(std::size_t accesses) {
  constexpr std::size_t kSmall = 1'024;  // places
  return std::bit_ceil(std::max(2 * accesses, std::min(8 * accesses, kSmall)) + 1);
}

// All bits, or none.
std::uint32_t all_if(bool condition) {
  return -static_cast<std::uint32_t>(condition);
}

template <class T>
void grow(std::vector<T>& values, std::size_t size) {
  if (values.size() < size) values.resize(size);
}

}  // namespace

void IdGroups::find(const SlotBatch& batch, std::span<const std::uint32_t> columns,
                    std::size_t mini_batch) {
  make_room(batch, columns);
  ends_.assign(1, {0, 0});
  columns_ = columns.size();
  column_ends_.clear();
  std::fill(places_.begin(), places_.end(), Place{});
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
    grow(places_, places_for(most));
    find_in(batch, columns, first, last, most);
  }
}

// What is written past the end and then not kept has room too.
void IdGroups::make_room(const SlotBatch& batch, std::span<const std::uint32_t> columns) {
  std::size_t accesses = 1;
  for (const std::uint32_t c : columns) accesses += batch.columns[c].slots.size();
  grow(accesses_, accesses);
  grow(ids_, accesses);
}

// A mini-batch. Whether an id is met for the first time in it cannot be guessed, so nothing
// branches on that: masks choose, for of conditions compilers make branches.
void IdGroups::find_in(const SlotBatch& batch, std::span<const std::uint32_t> columns,
                       std::size_t first, std::size_t last, std::size_t accesses) {
  const auto before = static_cast<std::uint32_t>(ends_.back().ids);
  const std::size_t mask = places_for(accesses) - 1;
  Place* const places = places_.data();
  Slot* const ids = ids_.data();
  Access* access = accesses_.data() + ends_.back().accesses;
  std::uint32_t count = before;  // of ids
  const auto note = [&](Slot slot, std::size_t sample, std::uint32_t& position) {
    if (slot == kNoSlot) return;
    std::size_t at = (slot * 0x9e3779b1U >> 7) & mask;
    std::uint32_t known = all_if(places[at].id > before);
    while (((places[at].slot ^ slot) & known) != 0) {
      at = (at + 1) & mask;
      known = all_if(places[at].id > before);
    }
    ids[count] = slot;
    count += 1 + known;  // it is one more, or not
    const std::uint32_t id = (places[at].id & known) | (count & ~known);
    places[at] = {slot, id};
    *access++ = {position++, static_cast<std::uint32_t>(sample - first), id - before - 1};
  };
  if (columns.size() == 1) {
    std::uint32_t position = 0;  // stays in a register
    for (std::size_t s = first; s < last; ++s) {
      for (const Slot slot : batch.columns[columns[0]].of(s)) note(slot, s, position);
    }
  } else {
    for (std::size_t s = first; s < last; ++s) {
      for (std::size_t c = 0; c < columns.size(); ++c) {
        for (const Slot slot : batch.columns[columns[c]].of(s)) note(slot, s, positions_[c]);
      }
    }
  }
  ends_.push_back({static_cast<std::size_t>(access - accesses_.data()), count});
}

}  // namespace remapd::embedding
