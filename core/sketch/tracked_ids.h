// TrackedIds: a bounded store of ids and their decayed access counts. Memory is fixed at
// construction: 39 bytes a slot.
//
// A tracked id has a slot, a number below slot_count() that does not change while the id is
// tracked. Learners keep their parameters in arrays indexed by slot.
//
// Admission and eviction. A shard with a free slot admits every untracked id until its first
// eviction. When it is full, untracked ids are counted in a blocked count-min sketch. fold() makes
// room: a shard that is more than 95 % full and has seen untracked ids since the last fold evicts
// the coldest `evict_share` of its slots (lowest count, then lowest id). From then on an untracked
// id is admitted only when its estimated count, the present access included, exceeds that of the
// hottest id evicted last; it starts with its estimate. A fold that finds a shard no more than 95 %
// full halves that threshold. The sketch is halved once it has taken in two accesses a counter, as
// in TinyLFU (Einziger, Friedman, Manes, ACM TOS 13, 2017): otherwise collisions among rare ids
// would raise the estimates of all of them.
//
// Counts. count() is exact up to 2^53 while counts are not decayed and integers of up to 2^23 are
// added. A decay is amortised O(1).
//
// Marks are seven bits of every tracked id for the owner of the store. They are not saved. Stores
// of more than 130 million slots keep only the upper two: see marks_kept().
//
// Shards and threads. The top bits of mix64(id) choose one of shard_count() shards; shard s owns
// the slots [s * shard_slots(), (s + 1) * shard_slots()) and gives out its lowest free slot first.
// Their number is the largest power of two up to 64 that leaves at least 8,192 ids a shard.
// slot_count() is at least the capacity asked for and at most 4 % above it, because shards fill
// unevenly. Calls on different shards may run at the same time; calls on the same shard, and
// decay(), save() and load(), must not overlap with others.
//
// Deterministic: the same calls give the same slots, whatever the sizes of the batches.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/huge_array.h"
#include "core/base/result.h"
#include "core/base/state_writer.h"
#include "core/base/types.h"
#include "core/sketch/count_min.h"

namespace remapd::sketch {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

// Seven bits.
using Marks = std::uint8_t;

class TrackedIds {
 public:
  static constexpr std::uint64_t kMaxCapacity = 3'000'000'000;
  static constexpr double kDefaultEvictShare = 0.05;
  // Ids that are looked up together, with their cache lines prefetched.
  static constexpr std::size_t kBlock = 64;

  // 1 <= max_tracked_ids <= kMaxCapacity; 0 < evict_share <= 1, of a shard's slots.
  explicit TrackedIds(std::uint64_t max_tracked_ids, double evict_share = kDefaultEvictShare);

  // The size of a store of `max_tracked_ids`, without making one.
  struct Footprint {
    std::uint64_t slots = 0;
    std::uint64_t bytes = 0;
  };
  static Footprint footprint(std::uint64_t max_tracked_ids);

  // How many ids can be tracked at most.
  std::uint32_t slot_count() const { return shard_slots_ * shard_count(); }
  std::uint32_t shard_count() const { return static_cast<std::uint32_t>(shards_.size()); }
  std::uint32_t shard_slots() const { return shard_slots_; }
  std::uint32_t shard_of(Id id) const { return shard_of_hash(mix64(id)); }
  // The marks that this store keeps; adding others has no effect.
  Marks marks_kept() const { return marks_kept_; }

  std::uint64_t size() const;
  std::uint32_t size(std::uint32_t shard) const { return shards_[shard].size; }
  std::uint64_t size_of_shard(std::uint32_t shard) const { return shards_[shard].size; }
  std::uint64_t memory_bytes() const;

  // The slot of a tracked id, else kNoSlot.
  Slot find(Id id) const;
  // slots.size() == ids.size().
  void find(std::span<const Id> ids, std::span<Slot> slots) const;

  // Finds ids or admits them, in order; slots.size() == ids.size(). An id that is not admitted gets
  // kNoSlot and is counted once in the sketch. Slots of admitted ids are appended to `admitted`;
  // their count is the sketch's estimate before this access. Accesses are not counted: add() does
  // that.
  void admit(std::span<const Id> ids, std::span<Slot> slots, std::vector<Slot>& admitted);

  // The results of count_accesses(), one for each id.
  struct Accessed {
    std::span<Slot> slots;
    std::span<Marks> marks;  // before this access; 0 without a slot
    // The id's decayed accesses, this one included, since it was admitted or last reached 2^23:
    // there the number restarts at 0. 0 without a slot.
    std::span<std::uint32_t> counts;
  };
  // Called for ids that have just been admitted, at most kBlock at a time: slots[i] is that of
  // ids[i], and marks[i], 0 at first, may be set.
  using StartsWith = std::function<void(std::span<const Slot> slots, std::span<const Id> ids,
                                        std::span<Marks> marks)>;
  // admit(), add(slot) and adding the marks `add`, in one pass over the ids. Admitted ids start
  // with the marks that `starts_with` sets, with none if it is empty. Returns how many ids got no
  // slot.
  std::size_t count_accesses(std::span<const Id> ids, const Accessed& out, Marks add,
                             const StartsWith& starts_with, std::vector<Slot>& admitted);

  // 0 for a slot that holds no id.
  Marks marks(Slot slot) const {
    const std::uint32_t place = places_[slot];
    return place == 0 ? Marks{0} : marks_at(lines_[(place - 1) / kLineIds], (place - 1) % kLineIds);
  }
  // Adds marks to the tracked ones among the ids; slots as in find().
  void add_marks(std::span<const Id> ids, std::span<Slot> slots, Marks add);
  // Adds marks to the ids of the slots for which wanted(Slot) is true.
  template <class Wanted>
  void add_marks_where(Wanted&& wanted, Marks add) {
    for_each_place([&](Slot slot, Line& line, std::uint32_t place) {
      if (wanted(slot)) add_marks_at(line, place, add);
    });
  }
  // Of all ids.
  void clear_marks(Marks which);
  // Of the ids of some slots; free slots are passed over.
  void add_marks(std::span<const Slot> slots, Marks add);
  void clear_marks(std::span<const Slot> slots, Marks which);

  // Counts n >= 0 accesses of a tracked id.
  void add(Slot slot, float n = 1.0F) {
    const std::uint32_t place = places_[slot] - 1;
    add(lines_[place / kLineIds], place % kLineIds, slot, n);
  }

  // Decayed number of accesses; 0 for a slot that holds no id.
  double count(Slot slot) const { return scaled_count(slot) / weight_; }
  // The count of a tracked id; else the sketch's estimate, which may be too high or, because the
  // sketch is halved, too low.
  double estimate(Id id) const;

  bool occupied(Slot slot) const { return places_[slot] != 0; }
  // The id of an occupied slot.
  Id id_of(Slot slot) const {
    const std::uint32_t place = places_[slot] - 1;
    return lines_[place / kLineIds].ids[place % kLineIds];
  }

  // A tick: decay(), then evict() of every shard. Slots of evicted ids are appended to `evicted`,
  // ascending; they are free for other ids.
  void fold(double decay_factor, std::vector<Slot>& evicted);

  // The parts of fold(), for folding shards in parallel: decay() first, alone.
  // 0 <= decay_factor <= 1; factors below 1e-30 count as that.
  void decay(double decay_factor);
  void evict(std::uint32_t shard, std::vector<Slot>& evicted);

  // fn(Slot, Id, double count) for every tracked id, in slot order; the second form of one shard.
  template <class Fn>
  void for_each(Fn&& fn) const {
    for (std::uint32_t s = 0; s < shard_count(); ++s) for_each(s, fn);
  }
  template <class Fn>
  void for_each(std::uint32_t shard, Fn&& fn) const {
    constexpr Slot kAhead = 16;
    const Slot end = first_slot(shard + 1);
    for (Slot slot = first_slot(shard); slot < end; ++slot) {
      if (end - slot > kAhead) __builtin_prefetch(&lines_[places_[slot + kAhead] / kLineIds]);
      if (occupied(slot)) fn(slot, id_of(slot), count(slot));
    }
  }

  // Format: docs/formats.md "Tracked ids", version 1. load() needs a store made with the same
  // arguments, else kConflict; afterwards it behaves as the saved one. kCorrupt: the bytes
  // contradict themselves. On any error the store is left empty.
  void save(StateWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  static constexpr std::uint32_t kLineIds = 4;
  // Units grow up to here before all counts are rewritten.
  static constexpr double kMaxWeight = 0x1p40;
  // Of Line::slots: the slot within the shard, plus 1; the marks; the filter. Slots that need more
  // bits take those of the lower marks.
  static constexpr std::uint32_t kMarkBits = 7;
  static constexpr std::uint32_t kSlotBits = 21;
  static constexpr std::uint32_t kWideSlotBits = 26;
  static constexpr Marks kAllMarks = (1U << kMarkBits) - 1;
  static constexpr std::uint32_t kFilterShift = kSlotBits + kMarkBits;
  static constexpr std::uint32_t kFilterBits = 32 - kFilterShift;

  struct alignas(64) Line {
    Id ids[kLineIds];
    float recent[kLineIds];         // in units of weight_, not yet carried
    std::uint32_t slots[kLineIds];  // low bits 0: the place is free
  };
  static_assert(sizeof(Line) == 64);

  struct alignas(64) Shard {
    std::uint32_t size = 0;
    std::uint32_t went_away = 0;       // ids that found their home full since it was laid out
    std::int32_t away = 0;             // how many more sit away from home than then
    Slot lowest_free = 0;              // no free slot of the shard is below it; within the shard
    bool sketched = false;             // the sketch may know ids of this shard
    std::uint64_t untracked = 0;       // accesses of untracked ids since the last fold
    std::uint64_t sketch_updates = 0;  // since the sketch last forgot
    double threshold = 0;              // in units of weight_
  };

  // The top bits of the hash choose line and, being its top bits too, shard.
  std::uint32_t home_line(std::uint64_t hash) const { return reduce(hash, line_count_); }
  // Where an id is looked for that found its home full: the line beside it, then on from a line
  // chosen by the hash's low bits, to the shard's end and round again.
  std::uint32_t neighbour(std::uint32_t home) const { return home ^ 1; }
  std::uint32_t detour(std::uint64_t hash) const {
    return shard_of_hash(hash) * shard_lines_ + reduce(hash << 32, shard_lines_);
  }
  std::uint32_t next_line(std::uint32_t line) const {
    return (line + 1) % shard_lines_ == 0 ? line + 1 - shard_lines_ : line + 1;
  }
  // The filter: one bit in one of the line's words, by the hash's last bits.
  static std::uint32_t filter_word(std::uint64_t hash) { return hash & (kLineIds - 1); }
  static std::uint32_t filter_bit(std::uint64_t hash) {
    return 1U << (kFilterShift +
                  static_cast<std::uint32_t>(((hash >> 2 & 0xff) * kFilterBits) >> 8));
  }
  static bool went_further(const Line& line, std::uint64_t hash) {
    return (line.slots[filter_word(hash)] & filter_bit(hash)) != 0;
  }
  static void note_further(Line& line, std::uint64_t hash) {
    line.slots[filter_word(hash)] |= filter_bit(hash);
  }
  bool full(const Line& line) const;

  Slot first_slot(std::uint32_t shard) const { return shard * shard_slots_; }
  std::span<Line> lines_of(std::uint32_t shard) {
    return lines_.span().subspan(std::size_t{shard} * shard_lines_, shard_lines_);
  }
  std::span<const Line> lines_of(std::uint32_t shard) const {
    return lines_.span().subspan(std::size_t{shard} * shard_lines_, shard_lines_);
  }
  std::uint32_t shard_of_hash(std::uint64_t hash) const { return reduce(hash, shard_count()); }
  Slot slot_at(const Line& line, std::uint32_t place, std::uint64_t hash) const {
    return first_slot(shard_of_hash(hash)) + (line.slots[place] & slot_mask_) - 1;
  }
  double scaled_count(Slot slot) const {
    const std::uint32_t place = places_[slot];
    if (place == 0) return 0;
    const float recent = lines_[(place - 1) / kLineIds].recent[(place - 1) % kLineIds];
    return carried_[slot] + static_cast<double>(recent);
  }

  Marks marks_at(const Line& line, std::uint32_t place) const {
    return static_cast<Marks>(line.slots[place] >> kSlotBits & marks_kept_);
  }
  void add_marks_at(Line& line, std::uint32_t place, Marks add) const {
    line.slots[place] |= static_cast<std::uint32_t>(add & marks_kept_) << kSlotBits;
  }
  // fn(Slot, Line&, place) for every tracked id, in slot order.
  template <class Fn>
  void for_each_place(Fn&& fn) {
    constexpr Slot kAhead = 16;
    for (Slot slot = 0; slot < slot_count(); ++slot) {
      if (slot_count() - slot > kAhead) {
        __builtin_prefetch(&lines_[places_[slot + kAhead] / kLineIds], 1);
      }
      const std::uint32_t place = places_[slot];
      if (place != 0) fn(slot, lines_[(place - 1) / kLineIds], (place - 1) % kLineIds);
    }
  }

  // Where an id stands in the index; kLineIds for the place: nowhere.
  struct Found {
    std::uint32_t line = 0;
    std::uint32_t place = kLineIds;
    explicit operator bool() const { return place != kLineIds; }
  };
  static std::uint32_t places_with(const Line& line, Id id);
  // Where in the line the id is; kLineIds if it is not.
  std::uint32_t place_in(const Line& line, Id id) const;
  Found locate(Id id, std::uint64_t hash) const;
  Found locate_beyond(Id id, std::uint64_t hash, std::uint32_t home) const;
  Slot slot_of(Found found, std::uint64_t hash) const {
    return found ? slot_at(lines_[found.line], found.place, hash) : kNoSlot;
  }

  void add(Line& line, std::uint32_t place, Slot slot, float n) {
    float& recent = line.recent[place];
    recent += n * unit_;
    if (recent >= carry_at_) [[unlikely]]
      carry_over(recent, carried_[slot]);
  }
  static void carry_over(float& recent, double& carried) {
    carried += static_cast<double>(recent);
    recent = 0;
  }

  // kBlock ids, or what is left of them.
  struct Block {
    std::size_t begin;                      // its first id
    std::span<const std::uint64_t> hashes;  // of its ids
    std::span<const std::uint32_t> later;   // those that were not in their home line
  };
  // Walks ids with their lines prefetched: tracked(begin, j, found, hash) for those that are there,
  // untracked(begin, j, hash) for the others, each the j-th of the block that begins there. Those
  // not found in their home line come at the end of their block of ids, in order; then
  // block_done(block). All of them by value, so that what they hold stays in registers.
  template <bool kWrite, class Tracked, class Untracked, class BlockDone>
  void visit(std::span<const Id> ids, Tracked tracked, Untracked untracked,
             BlockDone block_done) const;
  // For count_accesses(): of each id of a block the slot, marks and count, from the words and
  // recent counts in the lines of those that have a slot, zeros of others.
  void take_apart(std::span<const std::uint64_t> hashes, const std::uint32_t* words,
                  const float* recents, const Accessed& out) const;
  // Where the id was put; nowhere if it may not enter.
  Found admit_untracked(Id id, std::uint64_t hash, std::vector<Slot>& admitted);
  Slot take_free_slot(std::uint32_t shard);
  // What the index holds of a tracked id.
  struct Entry {
    Id id;
    Slot slot;
    float recent;
    Marks marks;
  };
  Found index(const Entry& entry);
  std::vector<Entry> entries_of(std::uint32_t shard) const;  // in slot order
  void lay_out(std::uint32_t shard, std::span<const Entry> entries);
  void carry(std::uint32_t shard);
  void give_up_coldest(std::uint32_t shard, std::vector<Slot>& evicted);
  std::vector<double> scaled_counts(std::uint32_t shard) const;  // of its slots
  std::vector<Slot> coldest(std::uint32_t shard, std::span<const double> counts,
                            std::size_t n) const;
  void set_weight(double weight);
  void clear();
  void save_shard(std::uint32_t shard, ByteWriter& out) const;
  Result<void> load_shard(std::uint32_t shard, ByteReader& in);

  HugeArray<Line> lines_;
  HugeArray<double> carried_;        // per slot, in units of weight_
  HugeArray<std::uint32_t> places_;  // per slot: where in the index its id is, plus 1; 0: free
  std::vector<Shard> shards_;
  CountMin sketch_;

  std::uint64_t asked_;  // the constructor's arguments
  double evict_share_;
  std::uint32_t line_count_ = 0;
  std::uint32_t shard_lines_ = 0;
  std::uint32_t shard_slots_ = 0;
  std::uint32_t slot_mask_ = 0;  // of Line::slots
  Marks marks_kept_ = 0;
  double weight_ = 1;   // units per access; grows as counts decay
  float unit_ = 1;      // weight_ as added
  float per_unit_ = 1;  // 1 / unit_
  float carry_at_ = 0;
};

}  // namespace remapd::sketch
