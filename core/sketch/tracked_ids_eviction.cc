// TrackedIds: decay of the counts, and eviction of the coldest ids of full shards.
#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <limits>
#include <utility>

#include "core/base/check.h"
#include "core/sketch/tracked_ids.h"

namespace remapd::sketch {
namespace {

constexpr double kFullShare = 0.95;  // of a shard's slots; above it fold() makes room
// A shard's index is rebuilt when more than 1/kAwayPart of its ids than after the last rebuild are
// away from their home line, or 1/kWentAwayPart have been put there since.
constexpr std::uint32_t kAwayPart = 10;
constexpr std::uint32_t kWentAwayPart = 3;
constexpr double kLeastDecay = 1e-30;  // keeps weights finite
constexpr std::size_t kAhead = 48;     // ids whose lines are on their way at the same time

}  // namespace

void TrackedIds::fold(double decay_factor, std::vector<Slot>& evicted) {
  decay(decay_factor);
  for (std::uint32_t s = 0; s < shard_count(); ++s) evict(s, evicted);
}

void TrackedIds::decay(double decay_factor) {
  REMAPD_CHECK(decay_factor >= 0 && decay_factor <= 1, "a decay factor lies in [0, 1]");
  const double factor = std::max(decay_factor, kLeastDecay);
  sketch_.decay(factor);
  std::uint64_t updates = 0;
  for (const Shard& shard : shards_) updates += shard.sketch_updates;
  if (updates >= 2 * sketch_.counters()) {
    sketch_.decay(0.5);
    for (Shard& shard : shards_) shard.sketch_updates = 0;
  }

  if (weight_ / factor <= kMaxWeight) {
    set_weight(weight_ / factor);
    return;
  }
  const double scale = factor / weight_;
  for (std::uint32_t s = 0; s < shard_count(); ++s) carry(s);
  for (double& carried : carried_.span()) carried *= scale;
  for (Shard& shard : shards_) shard.threshold *= scale;
  set_weight(1);
}

void TrackedIds::carry(std::uint32_t shard) {
  const Slot first = first_slot(shard);
  for (Line& line : lines_of(shard)) {
    for (std::uint32_t i = 0; i < kLineIds; ++i) {
      if (line.recent[i] == 0) continue;
      carried_[first + (line.slots[i] & slot_mask_) - 1] += static_cast<double>(line.recent[i]);
      line.recent[i] = 0;
    }
  }
}

void TrackedIds::evict(std::uint32_t shard_index, std::vector<Slot>& evicted) {
  Shard& shard = shards_[shard_index];
  const std::uint64_t untracked = std::exchange(shard.untracked, 0);
  if (shard.size <= kFullShare * shard_slots_) {
    shard.threshold /= 2;
  } else if (untracked > 0) {
    give_up_coldest(shard_index, evicted);
  }
  // Counts do not change: whether a rebuild is due depends on the history of the index, which may
  // affect nothing but speed.
  const bool many_are_away = shard.away > static_cast<std::int32_t>(shard.size / kAwayPart);
  if (many_are_away || shard.went_away > shard.size / kWentAwayPart) {
    lay_out(shard_index, entries_of(shard_index));
  }
}

void TrackedIds::give_up_coldest(std::uint32_t shard_index, std::vector<Slot>& evicted) {
  Shard& shard = shards_[shard_index];
  const Slot first = first_slot(shard_index);
  const std::vector<double> counts = scaled_counts(shard_index);
  const auto share = static_cast<std::size_t>(std::ceil(evict_share_ * shard_slots_));
  const std::vector<Slot> cold =
      coldest(shard_index, counts, std::min<std::size_t>(share, shard.size));
  double hottest = 0;
  for (std::size_t i = 0; i < cold.size(); ++i) {
    // First the id's line, then, by the id, that of the sketch.
    if (i + kAhead < cold.size()) {
      __builtin_prefetch(&lines_[(places_[cold[i + kAhead]] - 1) / kLineIds], 1);
    }
    if (i + kAhead / 2 < cold.size()) sketch_.prefetch(mix64(id_of(cold[i + kAhead / 2])));
    const Slot slot = cold[i];
    const double count = counts[slot - first];
    hottest = std::max(hottest, count);
    const std::uint32_t at = (places_[slot] - 1) / kLineIds;
    const std::uint32_t place = (places_[slot] - 1) % kLineIds;
    Line& line = lines_[at];
    const std::uint64_t hash = mix64(line.ids[place]);
    // An id that returns starts from its count.
    sketch_.raise_to(hash, count / weight_);
    shard.away -= at != home_line(hash) ? 1 : 0;
    line.ids[place] = 0;
    line.recent[place] = 0;
    line.slots[place] &= ~(slot_mask_ | std::uint32_t{marks_kept_} << kSlotBits);
    carried_[slot] = 0;
    places_[slot] = 0;
    shard.lowest_free = std::min(shard.lowest_free, slot - first);
    evicted.push_back(slot);
  }
  shard.size -= static_cast<std::uint32_t>(cold.size());
  shard.sketch_updates += cold.size();
  shard.sketched = true;
  shard.threshold = hottest;
}

// Line by line, which is faster than slot by slot.
std::vector<double> TrackedIds::scaled_counts(std::uint32_t shard) const {
  const auto carried = carried_.span().subspan(first_slot(shard), shard_slots_);
  std::vector<double> counts(carried.begin(), carried.end());
  for (const Line& line : lines_of(shard)) {
    for (std::uint32_t i = 0; i < kLineIds; ++i) {
      const std::uint32_t slot = line.slots[i] & slot_mask_;
      if (slot != 0) counts[slot - 1] += static_cast<double>(line.recent[i]);
    }
  }
  return counts;
}

// The n slots of lowest (count, id), ascending by slot; counts: of the shard's slots; 0 < n <= the
// ids there are.
std::vector<Slot> TrackedIds::coldest(std::uint32_t shard, std::span<const double> counts,
                                      std::size_t n) const {
  // Floats >= 0 order like their bits: two histograms, of the upper bits and then of the next ones
  // within the class of the n-th count, bound it from both sides.
  constexpr std::uint32_t kLowBits = 8;
  constexpr std::uint32_t kMiddleBits = 11;
  constexpr std::uint32_t kHighShift = kLowBits + kMiddleBits;
  constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();
  const Slot first = first_slot(shard);
  const auto places = places_.span().subspan(first, shard_slots_);
  std::vector<std::uint32_t> keys(shard_slots_);
  std::vector<std::uint32_t> sizes((kFree >> kHighShift) + 1);
  for (std::uint32_t i = 0; i < shard_slots_; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(counts[i]));
    keys[i] = places[i] == 0 ? kFree : bits;
    ++sizes[keys[i] >> kHighShift];
  }
  std::size_t below = 0;  // in lower classes
  const auto class_of_nth = [&] {
    std::uint32_t at = 0;
    while (below + sizes[at] < n) below += sizes[at++];
    return at;
  };
  const std::uint32_t high = class_of_nth();
  sizes.assign(std::size_t{1} << kMiddleBits, 0);
  for (const std::uint32_t key : keys) {
    if (key >> kHighShift == high) ++sizes[key >> kLowBits & (sizes.size() - 1)];
  }
  const std::uint32_t middle = class_of_nth();
  const std::uint32_t doubtful = (high << kMiddleBits | middle) << kLowBits;
  const std::uint32_t too_hot = doubtful + (1U << kLowBits);

  std::vector<Slot> taken(below + sizes[middle] + 1);
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < shard_slots_; ++i) {
    taken[count] = first + i;
    count += keys[i] < too_hot ? 1 : 0;  // no branch: it would be mispredicted
  }
  taken.resize(count);
  if (count == n) return taken;
  struct Candidate {
    double count;
    Id id;
    Slot slot;
    auto operator<=>(const Candidate&) const = default;
  };
  std::vector<Candidate> candidates;
  candidates.reserve(count - below);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) {
      __builtin_prefetch(&lines_[(places_[taken[i + kAhead]] - 1) / kLineIds]);
    }
    const Slot slot = taken[i];
    if (keys[slot - first] < doubtful) continue;
    candidates.push_back({counts[slot - first], id_of(slot), slot});
  }
  const auto stay = candidates.begin() + static_cast<std::ptrdiff_t>(n - below);
  std::nth_element(candidates.begin(), stay, candidates.end());
  for (auto it = stay; it != candidates.end(); ++it) keys[it->slot - first] = kFree;
  std::erase_if(taken, [&](Slot slot) { return keys[slot - first] == kFree; });
  return taken;
}

}  // namespace remapd::sketch
