// Layout. The index is an open-addressing table whose buckets are cache lines: four ids, their
// slots, their recent counts, and in spare bits their marks and a filter of the ids that overflowed
// to another line. Finding an id, counting it and reading its marks costs one cold line; so does
// finding that an id is not tracked. An id whose home line is full goes to the line beside it, then
// to a line chosen by other bits of its hash and on from there.
//
// Slots do not depend on an id's place in the index, so a fold rebuilds the index of a shard,
// hottest ids first, when a tenth of its ids more than after the last rebuild sit away from home,
// or a third of them have been put there since: removals leave stale bits in the filters.
//
// Recent accesses are summed in a float beside the id and carried to a double by slot before the
// float would round. Counts are kept in units that grow, so that a decay changes one number.
#include "core/sketch/tracked_ids.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#if defined(__SSE4_1__) && !defined(REMAPD_PORTABLE)
#include <smmintrin.h>
#endif

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/base/simd.h"

namespace remapd::sketch {
namespace {

constexpr std::uint32_t kMaxShards = 64;
constexpr std::uint64_t kLeastPerShard = 8192;
constexpr double kMaxLoad = 0.85;                 // of the index's places
constexpr std::uint32_t kSlotsPerSketchLine = 8;  // eight bytes a slot
constexpr float kExactRecent = 0x1p23F;           // accesses a float sums with room to spare
constexpr std::size_t kAhead = 48;  // ids whose lines are on their way at the same time

struct Geometry {
  std::uint32_t shards;
  std::uint32_t shard_slots;
  std::uint32_t shard_lines;  // even, so that every line has a neighbour
};

// Shards fill unevenly (a binomial): three standard deviations of room let nearly every shard hold
// its part of max_tracked_ids ids.
Geometry geometry(std::uint64_t max_tracked_ids, std::uint32_t line_ids) {
  REMAPD_CHECK(max_tracked_ids >= 1 && max_tracked_ids <= TrackedIds::kMaxCapacity,
               "max_tracked_ids lies between 1 and 3,000,000,000");
  const auto shards = static_cast<std::uint32_t>(
      std::bit_floor(std::clamp<std::uint64_t>(max_tracked_ids / kLeastPerShard, 1, kMaxShards)));
  const double mean = static_cast<double>(max_tracked_ids) / shards;
  const double room = shards == 1 ? 0.0 : 3.0 * std::sqrt(mean);
  const double slots = std::ceil(mean + room);
  const double lines = 2 * std::ceil(slots / (kMaxLoad * 2 * line_ids));
  return {shards, static_cast<std::uint32_t>(slots), static_cast<std::uint32_t>(lines)};
}

constexpr auto kNothingMore = [](const auto&) {};

// Of each shard.
std::uint64_t sketch_lines(const Geometry& g) {
  return (std::uint64_t{g.shard_slots} + kSlotsPerSketchLine - 1) / kSlotsPerSketchLine;
}

}  // namespace

TrackedIds::TrackedIds(std::uint64_t max_tracked_ids, double evict_share)
    : sketch_(1), asked_(max_tracked_ids), evict_share_(evict_share) {
  REMAPD_CHECK(evict_share > 0 && evict_share <= 1, "evict_share lies in (0, 1]");
  const Geometry g = geometry(max_tracked_ids, kLineIds);
  REMAPD_CHECK(g.shard_slots < (1U << kWideSlotBits) - 1,
               "a slot within its shard fits the index's bits");
  const bool wide = g.shard_slots >= (1U << kSlotBits) - 1;
  slot_mask_ = (1U << (wide ? kWideSlotBits : kSlotBits)) - 1;
  marks_kept_ = wide ? kAllMarks & ~Marks{(1U << (kWideSlotBits - kSlotBits)) - 1} : kAllMarks;
  shards_.resize(g.shards);
  shard_lines_ = g.shard_lines;
  shard_slots_ = g.shard_slots;
  line_count_ = g.shards * g.shard_lines;
  lines_ = HugeArray<Line>(line_count_);
  carried_ = HugeArray<double>(slot_count());
  places_ = HugeArray<std::uint32_t>(slot_count());
  // As many sketch lines in every shard: then shards share none of them.
  sketch_ = CountMin(sketch_lines(g) * g.shards);
  set_weight(1);
}

TrackedIds::Footprint TrackedIds::footprint(std::uint64_t max_tracked_ids) {
  const Geometry g = geometry(max_tracked_ids, kLineIds);
  const std::uint64_t slots = std::uint64_t{g.shards} * g.shard_slots;
  const std::uint64_t lines = std::uint64_t{g.shards} * g.shard_lines;
  return {.slots = slots,
          .bytes = lines * sizeof(Line) + slots * (sizeof(double) + sizeof(std::uint32_t)) +
                   g.shards * (sketch_lines(g) * CountMin::kLineBytes + sizeof(Shard))};
}

void TrackedIds::set_weight(double weight) {
  unit_ = static_cast<float>(weight);
  per_unit_ = 1 / unit_;
  weight_ = static_cast<double>(unit_);
  carry_at_ = kExactRecent * unit_;
}

std::uint64_t TrackedIds::size() const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.size;
  return sum;
}

std::uint64_t TrackedIds::memory_bytes() const {
  return lines_.memory_bytes() + carried_.memory_bytes() + places_.memory_bytes() +
         sketch_.memory_bytes() + shards_.size() * sizeof(Shard);
}

// Bit i: place i holds the id, or it is id 0 and the place is free.
[[gnu::always_inline]] inline std::uint32_t TrackedIds::places_with(const Line& line, Id id) {
#if defined(__SSE4_1__) && !defined(REMAPD_PORTABLE)
  const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(id));
  const auto* pairs = reinterpret_cast<const __m128i*>(line.ids);
  const __m128i low = _mm_cmpeq_epi64(_mm_load_si128(pairs), wanted);
  const __m128i high = _mm_cmpeq_epi64(_mm_load_si128(pairs + 1), wanted);
  const __m128i all = _mm_packs_epi32(low, high);
  return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(all)));
#else
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < kLineIds; ++i) {
    found |= static_cast<std::uint32_t>(line.ids[i] == id) << i;
  }
  return found;
#endif
}

std::uint32_t TrackedIds::place_in(const Line& line, Id id) const {
  for (std::uint32_t found = places_with(line, id); found != 0; found &= found - 1) {
    const auto place = static_cast<std::uint32_t>(std::countr_zero(found));
    if ((line.slots[place] & slot_mask_) != 0) return place;
  }
  return kLineIds;
}

bool TrackedIds::full(const Line& line) const {
  return (line.slots[0] & slot_mask_) != 0 && (line.slots[1] & slot_mask_) != 0 &&
         (line.slots[2] & slot_mask_) != 0 && (line.slots[3] & slot_mask_) != 0;
}

Slot TrackedIds::find(Id id) const {
  const std::uint64_t hash = mix64(id);
  return slot_of(locate(id, hash), hash);
}

TrackedIds::Found TrackedIds::locate(Id id, std::uint64_t hash) const {
  const std::uint32_t home = home_line(hash);
  const std::uint32_t place = place_in(lines_[home], id);
  return place != kLineIds ? Found{home, place} : locate_beyond(id, hash, home);
}

TrackedIds::Found TrackedIds::locate_beyond(Id id, std::uint64_t hash, std::uint32_t home) const {
  if (!went_further(lines_[home], hash)) return {};
  const std::uint32_t beside = neighbour(home);
  std::uint32_t place = place_in(lines_[beside], id);
  if (place != kLineIds) return {beside, place};
  if (!went_further(lines_[beside], hash)) return {};
  const std::uint32_t start = detour(hash);
  std::uint32_t at = start;
  do {
    place = place_in(lines_[at], id);
    if (place != kLineIds) return {at, place};
    if (!went_further(lines_[at], hash)) return {};
    at = next_line(at);
  } while (at != start);
  return {};
}

template <bool kWrite, class Tracked, class Untracked, class BlockDone>
void TrackedIds::visit(std::span<const Id> ids, Tracked tracked, Untracked untracked,
                       BlockDone block_done) const {
  static_assert(kAhead <= kBlock);
  const Line* const lines = lines_.data();
  const std::uint32_t line_count = line_count_;
  const std::uint32_t slot_mask = slot_mask_;
  // Of this block and the next one; behind the last id those of an earlier one, or the first line:
  // to fetch them once more does no harm.
  std::uint64_t hashes[2][kBlock];
  std::uint32_t homes[2 * kBlock] = {};
  const auto hash_block = [&](std::size_t begin) {
    std::uint64_t* const hash_of = hashes[begin / kBlock % 2];
    for (std::size_t j = 0; begin + j < std::min(begin + kBlock, ids.size()); ++j) {
      hash_of[j] = mix64(ids[begin + j]);
      homes[kBlock + j] = reduce(hash_of[j], line_count);
    }
  };
  const auto fetch = [&](std::uint32_t line) { __builtin_prefetch(&lines[line], kWrite ? 1 : 0); };
  hash_block(0);
  for (std::size_t j = 0; j < std::min(kAhead, ids.size()); ++j) fetch(homes[kBlock + j]);
  for (std::size_t begin = 0; begin < ids.size(); begin += kBlock) {
    std::copy_n(homes + kBlock, kBlock, homes);
    hash_block(begin + kBlock);
    const std::size_t count = std::min(kBlock, ids.size() - begin);
    const std::uint64_t* const hash_of = hashes[begin / kBlock % 2];
    std::uint32_t later[kBlock];
    std::size_t laters = 0;
    for (std::size_t j = 0; j < count; ++j) {
      fetch(homes[j + kAhead]);
      const Line& line = lines[homes[j]];
      const std::uint32_t found = places_with(line, ids[begin + j]);
      if (found != 0) [[likely]] {
        const auto place = static_cast<std::uint32_t>(std::countr_zero(found));
        if ((line.slots[place] & slot_mask) != 0) [[likely]] {
          tracked(begin, j, Found{homes[j], place}, hash_of[j]);
          continue;
        }
      }
      if (went_further(line, hash_of[j])) {
        fetch(neighbour(homes[j]));
      } else if constexpr (kWrite) {
        sketch_.prefetch(hash_of[j]);
        fetch(neighbour(homes[j]));  // where it may come to be
      }
      later[laters++] = static_cast<std::uint32_t>(j);
    }
    for (const std::uint32_t j : std::span(later, laters)) {
      const std::uint64_t hash = hash_of[j];
      Found found = locate_beyond(ids[begin + j], hash, homes[j]);
      // From the start again: the id may have been admitted since its home line was read, and id 0
      // also matches free places.
      if (!found) found = locate(ids[begin + j], hash);
      if (found) {
        tracked(begin, j, found, hash);
      } else {
        untracked(begin, j, hash);
      }
    }
    block_done(Block{.begin = begin, .hashes = {hash_of, count}, .later = {later, laters}});
  }
}

void TrackedIds::find(std::span<const Id> ids, std::span<Slot> slots) const {
  REMAPD_CHECK(ids.size() == slots.size(), "find() fills one slot for each id");
  visit<false>(
      ids,
      [&](std::size_t begin, std::size_t j, Found found, std::uint64_t hash) {
        slots[begin + j] = slot_of(found, hash);
      },
      [&](std::size_t begin, std::size_t j, std::uint64_t) { slots[begin + j] = kNoSlot; },
      kNothingMore);
}

void TrackedIds::admit(std::span<const Id> ids, std::span<Slot> slots,
                       std::vector<Slot>& admitted) {
  REMAPD_CHECK(ids.size() == slots.size(), "admit() fills one slot for each id");
  visit<true>(
      ids,
      [&](std::size_t begin, std::size_t j, Found found, std::uint64_t hash) {
        slots[begin + j] = slot_of(found, hash);
      },
      [&](std::size_t begin, std::size_t j, std::uint64_t hash) {
        slots[begin + j] = slot_of(admit_untracked(ids[begin + j], hash, admitted), hash);
      },
      kNothingMore);
}

std::size_t TrackedIds::count_accesses(std::span<const Id> ids, const Accessed& out, Marks add,
                                       const StartsWith& starts_with, std::vector<Slot>& admitted) {
  REMAPD_CHECK(ids.size() == out.slots.size() && ids.size() == out.marks.size() &&
                   ids.size() == out.counts.size(),
               "count_accesses() fills a slot, marks and a count for each id");
  // From each id's line: the word of its slot and marks, and its recent count; zeros without a
  // slot. take_apart() decodes them for the whole block with vector instructions.
  std::uint32_t words[kBlock];
  float recents[kBlock];
  const auto tracked = [&, lines = lines_.data(), unit = unit_, carry_at = carry_at_,
                        add = static_cast<std::uint32_t>(add & marks_kept_) << kSlotBits](
                           std::size_t, std::size_t j, Found found, std::uint64_t hash) {
    Line& line = lines[found.line];
    std::uint32_t& word = line.slots[found.place];
    words[j] = word;
    word |= add;
    // As TrackedIds::add(), of what stays in registers.
    float& recent = line.recent[found.place];
    recent += unit;
    if (recent >= carry_at) [[unlikely]]
      carry_over(recent, carried_[slot_of(found, hash)]);
    recents[j] = recent;
  };
  Id fresh[kBlock];  // admitted in this block
  std::size_t fresh_count = 0;
  std::size_t without_slot = 0;
  const auto untracked = [&](std::size_t begin, std::size_t j, std::uint64_t hash) {
    const Found found = admit_untracked(ids[begin + j], hash, admitted);
    if (found) {
      fresh[fresh_count++] = ids[begin + j];
      return tracked(begin, j, found, hash);
    }
    words[j] = 0;
    recents[j] = 0;
    ++without_slot;
  };
  const auto tell = [&](const Block& block) {
    const std::size_t count = block.hashes.size();
    const Accessed of{.slots = out.slots.subspan(block.begin, count),
                      .marks = out.marks.subspan(block.begin, count),
                      .counts = out.counts.subspan(block.begin, count)};
    take_apart(block.hashes, words, recents, of);
    const auto added = std::span<const Id>(fresh, std::exchange(fresh_count, 0));
    if (added.empty() || !starts_with) return;
    const auto slots = std::span<const Slot>(admitted).last(added.size());
    Marks marks[kBlock] = {};
    starts_with(slots, added, std::span(marks, added.size()));
    for (std::size_t f = 0; f < added.size(); ++f) {
      if (marks[f] == 0) continue;
      const std::uint32_t place = places_[slots[f]] - 1;
      add_marks_at(lines_[place / kLineIds], place % kLineIds, marks[f]);
      for (const std::uint32_t l : block.later) {
        if (of.slots[l] == slots[f]) of.marks[l] |= marks[f] & marks_kept_;
      }
    }
  };
  visit<true>(ids, tracked, untracked, tell);
  return without_slot;
}

REMAPD_SIMD_CLONES
void TrackedIds::take_apart(std::span<const std::uint64_t> hashes, const std::uint32_t* words,
                            const float* recents, const Accessed& out) const {
  Slot* const slots = out.slots.data();
  Marks* const __restrict marks = out.marks.data();  // bytes may be anything's
  std::uint32_t* const counts = out.counts.data();
  const std::uint32_t slot_mask = slot_mask_;
  const std::uint32_t shard_slots = shard_slots_;
  const auto shard_bits = static_cast<std::uint32_t>(std::countr_zero(shard_count()));
  const std::uint32_t kept = marks_kept_;
  const float per_unit = per_unit_;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    // shard_of_hash(), for their number is a power of two; it may be 1.
    const std::uint32_t shard = static_cast<std::uint32_t>(hashes[i] >> 33) >> (31 - shard_bits);
    const std::uint32_t within = words[i] & slot_mask;
    slots[i] = within == 0 ? kNoSlot : shard * shard_slots + within - 1;
    marks[i] = static_cast<Marks>(words[i] >> kSlotBits & kept);
    counts[i] = static_cast<std::uint32_t>(static_cast<std::int32_t>(recents[i] * per_unit));
  }
}

void TrackedIds::add_marks(std::span<const Id> ids, std::span<Slot> slots, Marks add) {
  REMAPD_CHECK(ids.size() == slots.size(), "add_marks() fills one slot for each id");
  visit<true>(
      ids,
      [&](std::size_t begin, std::size_t j, Found found, std::uint64_t hash) {
        slots[begin + j] = slot_of(found, hash);
        add_marks_at(lines_[found.line], found.place, add);
      },
      [&](std::size_t begin, std::size_t j, std::uint64_t) { slots[begin + j] = kNoSlot; },
      kNothingMore);
}

void TrackedIds::clear_marks(Marks which) {
  const std::uint32_t cleared = static_cast<std::uint32_t>(which & marks_kept_) << kSlotBits;
  constexpr std::size_t kPiece = 65'536;  // lines
  parallel_ranges(lines_.size(), kPiece, [&](std::size_t begin, std::size_t end) {
    for (Line& line : lines_.span().subspan(begin, end - begin)) {
      for (std::uint32_t& slot : line.slots) {
        if ((slot & cleared) != 0) slot &= ~cleared;  // pages never used stay untouched
      }
    }
  });
}

void TrackedIds::add_marks(std::span<const Slot> slots, Marks add) {
  for (const Slot slot : slots) {
    const std::uint32_t place = places_[slot];
    if (place != 0) add_marks_at(lines_[(place - 1) / kLineIds], (place - 1) % kLineIds, add);
  }
}

void TrackedIds::clear_marks(std::span<const Slot> slots, Marks which) {
  const std::uint32_t cleared = static_cast<std::uint32_t>(which & marks_kept_) << kSlotBits;
  for (const Slot slot : slots) {
    const std::uint32_t place = places_[slot];
    if (place != 0) lines_[(place - 1) / kLineIds].slots[(place - 1) % kLineIds] &= ~cleared;
  }
}

TrackedIds::Found TrackedIds::admit_untracked(Id id, std::uint64_t hash,
                                              std::vector<Slot>& admitted) {
  const std::uint32_t shard_index = shard_of_hash(hash);
  Shard& shard = shards_[shard_index];
  ++shard.untracked;
  const double estimated = shard.sketched ? sketch_.estimate(hash) : 0.0;
  if (shard.size < shard_slots_ && (estimated + 1) * weight_ > shard.threshold) {
    const Slot slot = take_free_slot(shard_index);
    carried_[slot] = estimated * weight_;
    admitted.push_back(slot);
    return index({id, slot, 0.0F, 0});
  }
  sketch_.add(hash);
  shard.sketched = true;
  ++shard.sketch_updates;
  return {};
}

Slot TrackedIds::take_free_slot(std::uint32_t shard_index) {
  Shard& shard = shards_[shard_index];
  const Slot first = first_slot(shard_index);
  while (places_[first + shard.lowest_free] != 0) ++shard.lowest_free;
  ++shard.size;
  return first + shard.lowest_free++;
}

TrackedIds::Found TrackedIds::index(const Entry& entry) {
  const std::uint64_t hash = mix64(entry.id);
  const std::uint32_t home = home_line(hash);
  std::uint32_t at = home;
  if (full(lines_[at])) {
    note_further(lines_[at], hash);
    at = neighbour(home);
    if (full(lines_[at])) {
      note_further(lines_[at], hash);
      for (at = detour(hash); full(lines_[at]); at = next_line(at)) note_further(lines_[at], hash);
    }
  }
  const std::uint32_t shard = shard_of_hash(hash);
  if (at != home) {
    ++shards_[shard].went_away;
    ++shards_[shard].away;
  }
  Line& line = lines_[at];
  std::uint32_t place = 0;
  while ((line.slots[place] & slot_mask_) != 0) ++place;
  line.ids[place] = entry.id;
  line.recent[place] = entry.recent;
  line.slots[place] |= entry.slot - first_slot(shard) + 1;
  add_marks_at(line, place, entry.marks);
  places_[entry.slot] = at * kLineIds + place + 1;
  return {at, place};
}

// Makes the shard's index from nothing, hottest entries first so that they find room at home.
void TrackedIds::lay_out(std::uint32_t shard, std::span<const Entry> entries) {
  const std::uint32_t first_line = shard * shard_lines_;
  for (std::uint32_t l = 0; l < shard_lines_; ++l) lines_[first_line + l] = Line{};

  // By the binary exponent of the count: near enough, and linear.
  constexpr std::uint32_t kClasses = 256;
  const auto class_of = [this](const Entry& entry) {
    const auto count = static_cast<float>(carried_[entry.slot] + static_cast<double>(entry.recent));
    return kClasses - 1 - (std::bit_cast<std::uint32_t>(count) >> 23);
  };
  std::array<std::uint32_t, kClasses + 1> begin{};
  for (const Entry& entry : entries) ++begin[class_of(entry) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<std::uint32_t> order(entries.size());
  for (std::uint32_t i = 0; i < entries.size(); ++i) order[begin[class_of(entries[i])]++] = i;

  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i + kAhead < order.size()) {
      __builtin_prefetch(&lines_[home_line(mix64(entries[order[i + kAhead]].id))], 1);
    }
    index(entries[order[i]]);
  }
  shards_[shard].went_away = 0;
  shards_[shard].away = 0;
}

double TrackedIds::estimate(Id id) const {
  const std::uint64_t hash = mix64(id);
  const Slot slot = slot_of(locate(id, hash), hash);
  return slot != kNoSlot ? count(slot) : sketch_.estimate(hash);
}

std::vector<TrackedIds::Entry> TrackedIds::entries_of(std::uint32_t shard) const {
  std::vector<Entry> entries;
  entries.reserve(shards_[shard].size);
  for_each(shard, [&](Slot slot, Id id, double) {
    const std::uint32_t place = places_[slot] - 1;
    const Line& line = lines_[place / kLineIds];
    entries.push_back({id, slot, line.recent[place % kLineIds], marks_at(line, place % kLineIds)});
  });
  return entries;
}

}  // namespace remapd::sketch
