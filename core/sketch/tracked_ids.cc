#include "core/sketch/tracked_ids.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#if defined(__SSE4_1__)
#include <smmintrin.h>
#endif

#include "core/base/check.h"

namespace remapd::sketch {
namespace {

constexpr std::uint32_t kMagic = 0x31495452;  // "RTI1"
constexpr std::uint32_t kMaxShards = 64;
constexpr std::uint64_t kLeastPerShard = 8192;
constexpr double kFullShare = 0.95;  // of a shard's capacity; above it fold() makes room
constexpr double kMaxLoad = 0.95;    // of a shard's slots that are ever occupied
constexpr std::uint32_t kSlotsPerSketchLine = 8;  // eight bytes a slot
constexpr double kMaxWeight = 0x1p40;    // units grow up to here before all counts are rewritten
constexpr double kLeastDecay = 1e-30;    // keeps weights finite
constexpr float kExactRecent = 0x1p23F;  // accesses a float sums with room to spare
constexpr std::size_t kBlock = 64;       // ids after which those not at home are seen to
constexpr std::size_t kAhead = 32;       // ids whose lines are on their way at the same time

struct Geometry {
  std::uint32_t shards;
  std::uint32_t shard_capacity;
  std::uint32_t shard_lines;
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
  const double capacity = std::ceil(mean + room);
  const double lines = 2 * std::ceil(capacity / (kMaxLoad * 2 * line_ids));
  return {shards, static_cast<std::uint32_t>(capacity), static_cast<std::uint32_t>(lines)};
}

}  // namespace

TrackedIds::TrackedIds(std::uint64_t max_tracked_ids, double evict_share)
    : sketch_(1), asked_(max_tracked_ids), evict_share_(evict_share) {
  REMAPD_CHECK(evict_share > 0 && evict_share <= 1, "evict_share lies in (0, 1]");
  const Geometry g = geometry(max_tracked_ids, kLineIds);
  shards_.resize(g.shards);
  shard_lines_ = g.shard_lines;
  shard_slots_ = g.shard_lines * kLineIds;
  shard_capacity_ = g.shard_capacity;
  line_count_ = g.shards * g.shard_lines;
  lines_ = HugeArray<Line>(line_count_);
  carried_ = HugeArray<double>(std::size_t{line_count_} * kLineIds);
  // As many sketch lines in every shard: then shards share none of them.
  const std::uint32_t sketch_lines = (shard_slots_ + kSlotsPerSketchLine - 1) / kSlotsPerSketchLine;
  sketch_ = CountMin(std::uint64_t{sketch_lines} * g.shards);
  set_weight(1);
}

void TrackedIds::set_weight(double weight) {
  unit_ = static_cast<float>(weight);
  weight_ = static_cast<double>(unit_);
  carry_at_ = kExactRecent * unit_;
}

std::uint64_t TrackedIds::size() const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.size;
  return sum;
}

std::uint64_t TrackedIds::memory_bytes() const {
  return lines_.memory_bytes() + carried_.memory_bytes() + sketch_.memory_bytes() +
         shards_.size() * sizeof(Shard);
}

std::uint32_t TrackedIds::place_in(const Line& line, Id id) {
#if defined(__SSE4_1__)
  const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(id));
  const auto* pairs = reinterpret_cast<const __m128i*>(line.ids);
  const __m128i low = _mm_cmpeq_epi64(_mm_load_si128(pairs), wanted);
  const __m128i high = _mm_cmpeq_epi64(_mm_load_si128(pairs + 1), wanted);
  const __m128i both = _mm_packs_epi32(low, high);
  std::uint32_t found = static_cast<std::uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(both))) |
                        static_cast<std::uint32_t>(line.ids[4] == id) << 4;
#else
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < kLineIds; ++i) {
    found |= static_cast<std::uint32_t>(line.ids[i] == id) << i;
  }
#endif
  found &= line.meta & kOccupied;
  return found == 0 ? kLineIds : static_cast<std::uint32_t>(std::countr_zero(found));
}

Slot TrackedIds::find(Id id) const {
  return find(id, mix64(id));
}

Slot TrackedIds::find(Id id, std::uint64_t hash) const {
  const std::uint32_t home = home_line(hash);
  const std::uint32_t place = place_in(lines_[home], id);
  return place != kLineIds ? home * kLineIds + place : find_beyond(id, hash, home);
}

Slot TrackedIds::find_beyond(Id id, std::uint64_t hash, std::uint32_t home) const {
  const std::uint32_t bit = filter_bit(hash);
  if ((lines_[home].meta & bit) == 0) return kNoSlot;
  const std::uint32_t beside = neighbour(home);
  std::uint32_t place = place_in(lines_[beside], id);
  if (place != kLineIds) return beside * kLineIds + place;
  if ((lines_[beside].meta & bit) == 0) return kNoSlot;
  const std::uint32_t start = detour(hash);
  std::uint32_t at = start;
  do {
    place = place_in(lines_[at], id);
    if (place != kLineIds) return at * kLineIds + place;
    if ((lines_[at].meta & bit) == 0) return kNoSlot;
    at = next_line(at);
  } while (at != start);
  return kNoSlot;
}

template <bool kAdmit, class AtHome, class Beyond>
void TrackedIds::visit(std::span<const Id> ids, AtHome&& at_home, Beyond&& beyond) const {
  std::uint64_t hashes[2 * kBlock];
  const auto fetch = [&](std::size_t i) {
    const std::uint64_t hash = mix64(ids[i]);
    hashes[i % (2 * kBlock)] = hash;
    __builtin_prefetch(&lines_[home_line(hash)], kAdmit ? 1 : 0);
  };
  for (std::size_t i = 0; i < std::min(kAhead, ids.size()); ++i) fetch(i);
  for (std::size_t begin = 0; begin < ids.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, ids.size());
    std::uint32_t later[kBlock];
    std::size_t laters = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (i + kAhead < ids.size()) fetch(i + kAhead);
      const std::uint64_t hash = hashes[i % (2 * kBlock)];
      const std::uint32_t home = home_line(hash);
      const Line& line = lines_[home];
      const std::uint32_t place = place_in(line, ids[i]);
      if (place != kLineIds) [[likely]] {
        at_home(i, home, place);
        continue;
      }
      if ((line.meta & filter_bit(hash)) != 0) {
        __builtin_prefetch(&lines_[neighbour(home)], 1);
        __builtin_prefetch(&lines_[detour(hash)], 1);
      } else if constexpr (kAdmit) {
        sketch_.prefetch(hash);
      }
      later[laters++] = static_cast<std::uint32_t>(i - begin);
    }
    for (std::size_t l = 0; l < laters; ++l) {
      const std::size_t i = begin + later[l];
      beyond(i, hashes[i % (2 * kBlock)]);
    }
  }
}

void TrackedIds::find(std::span<const Id> ids, std::span<Slot> slots) const {
  REMAPD_CHECK(ids.size() == slots.size(), "find() fills one slot for each id");
  visit<false>(
      ids,
      [&](std::size_t i, std::uint32_t line, std::uint32_t place) {
        slots[i] = line * kLineIds + place;
      },
      [&](std::size_t i, std::uint64_t hash) {
        slots[i] = find_beyond(ids[i], hash, home_line(hash));
      });
}

template <bool kCount>
void TrackedIds::admit_batch(std::span<const Id> ids, std::span<Slot> slots,
                             std::vector<Slot>& admitted) {
  REMAPD_CHECK(ids.size() == slots.size(), "admit() fills one slot for each id");
  visit<true>(
      ids,
      [&](std::size_t i, std::uint32_t line, std::uint32_t place) {
        slots[i] = line * kLineIds + place;
        if constexpr (kCount) add(lines_[line], place, slots[i], 1);
      },
      [&](std::size_t i, std::uint64_t hash) {
        Slot slot = find_beyond(ids[i], hash, home_line(hash));
        // Once more from the start: it may have been admitted since its home was looked at.
        if (slot == kNoSlot) slot = find(ids[i], hash);
        if (slot == kNoSlot) slot = admit_unknown(ids[i], hash, admitted);
        slots[i] = slot;
        if constexpr (kCount) {
          if (slot != kNoSlot) add(slot);
        }
      });
}

void TrackedIds::admit(std::span<const Id> ids, std::span<Slot> slots,
                       std::vector<Slot>& admitted) {
  admit_batch<false>(ids, slots, admitted);
}

void TrackedIds::count_accesses(std::span<const Id> ids, std::span<Slot> slots,
                                std::vector<Slot>& admitted) {
  admit_batch<true>(ids, slots, admitted);
}

Slot TrackedIds::admit_unknown(Id id, std::uint64_t hash, std::vector<Slot>& admitted) {
  Shard& shard = shards_[home_line(hash) / shard_lines_];
  ++shard.unknown;
  const double estimated = shard.sketched ? sketch_.estimate(hash) : 0.0;
  if (shard.size < shard_capacity_ && (estimated + 1) * weight_ > shard.threshold) {
    const Slot slot = insert(id, hash);
    carried_[slot] = estimated * weight_;
    admitted.push_back(slot);
    return slot;
  }
  sketch_.add(hash);
  shard.sketched = true;
  ++shard.sketch_updates;
  return kNoSlot;
}

Slot TrackedIds::insert(Id id, std::uint64_t hash) {
  const std::uint32_t bit = filter_bit(hash);
  const std::uint32_t home = home_line(hash);
  const auto full = [this](std::uint32_t l) { return (lines_[l].meta & kOccupied) == kOccupied; };
  std::uint32_t at = home;
  if (full(at)) {
    lines_[at].meta |= bit;
    at = neighbour(home);
    if (full(at)) {
      lines_[at].meta |= bit;
      for (at = detour(hash); full(at); at = next_line(at)) lines_[at].meta |= bit;
    }
  }
  Line& line = lines_[at];
  const auto place = static_cast<std::uint32_t>(std::countr_one(line.meta & kOccupied));
  line.meta |= 1U << place;
  line.ids[place] = id;
  ++shards_[at / shard_lines_].size;
  return at * kLineIds + place;
}

double TrackedIds::estimate(Id id) const {
  const std::uint64_t hash = mix64(id);
  const Slot slot = find(id, hash);
  return slot != kNoSlot ? count(slot) : sketch_.estimate(hash);
}

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
  for (std::uint32_t l = 0; l < line_count_; ++l) {
    for (std::uint32_t i = 0; i < kLineIds; ++i) {
      double& carried = carried_[std::size_t{l} * kLineIds + i];
      carried = (carried + static_cast<double>(lines_[l].recent[i])) * scale;
      lines_[l].recent[i] = 0;
    }
  }
  for (Shard& shard : shards_) shard.threshold *= scale;
  set_weight(1);
}

void TrackedIds::evict(std::uint32_t shard_index, std::vector<Slot>& evicted) {
  Shard& shard = shards_[shard_index];
  const std::uint64_t unknown = std::exchange(shard.unknown, 0);
  if (shard.size <= kFullShare * shard_capacity_) {
    shard.threshold /= 2;
    return;
  }
  if (unknown == 0) return;

  struct Candidate {
    double count;
    Id id;
    Slot slot;
  };
  const auto colder = [](const Candidate& a, const Candidate& b) {
    return a.count != b.count ? a.count < b.count : a.id < b.id;
  };
  std::vector<Candidate> candidates;
  candidates.reserve(shard.size);
  for_each(shard_index, [&](Slot slot, Id id, double count) {
    candidates.push_back({count, id, slot});
  });
  const auto share = static_cast<std::size_t>(std::ceil(evict_share_ * shard_capacity_));
  const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(
                                            std::clamp<std::size_t>(share, 1, candidates.size()));
  std::nth_element(candidates.begin(), end - 1, candidates.end(), colder);
  std::sort(candidates.begin(), end,
            [](const Candidate& a, const Candidate& b) { return a.slot < b.slot; });

  double hottest = 0;
  for (auto it = candidates.begin(); it != end; ++it) {
    Line& line = lines_[it->slot / kLineIds];
    const std::uint32_t place = it->slot % kLineIds;
    line.meta &= ~(1U << place);
    line.ids[place] = 0;
    line.recent[place] = 0;
    carried_[it->slot] = 0;
    // So that it starts from its count, should it come back.
    sketch_.raise_to(mix64(it->id), it->count);
    hottest = std::max(hottest, it->count);
    evicted.push_back(it->slot);
    --shard.size;
    ++shard.sketch_updates;
  }
  shard.sketched = true;
  shard.threshold = hottest * weight_;
  rebuild_filters(shard_index);
}

// Filters cannot forget a single id, so they are made anew from the ids that remain.
void TrackedIds::rebuild_filters(std::uint32_t shard) {
  const std::uint32_t begin = shard * shard_lines_;
  const std::uint32_t end = begin + shard_lines_;
  for (std::uint32_t l = begin; l < end; ++l) lines_[l].meta &= kOccupied;
  for (std::uint32_t l = begin; l < end; ++l) {
    for (std::uint32_t i = 0; i < kLineIds; ++i) {
      if ((lines_[l].meta >> i & 1) == 0) continue;
      const std::uint64_t hash = mix64(lines_[l].ids[i]);
      const std::uint32_t bit = filter_bit(hash);
      const std::uint32_t home = home_line(hash);
      if (l == home) continue;
      lines_[home].meta |= bit;
      if (l == neighbour(home)) continue;
      lines_[neighbour(home)].meta |= bit;
      for (std::uint32_t at = detour(hash); at != l; at = next_line(at)) {
        lines_[at].meta |= bit;
      }
    }
  }
}

void TrackedIds::clear() {
  for (Line& line : lines_.span()) line = Line{};
  for (double& carried : carried_.span()) carried = 0;
  for (Shard& shard : shards_) shard = Shard{};
  set_weight(1);
}

void TrackedIds::save(ByteWriter& out) const {
  out.put(kMagic);
  out.put<std::uint32_t>(shard_count());
  out.put(asked_);
  out.put(evict_share_);
  out.put(weight_);
  for (std::uint32_t s = 0; s < shard_count(); ++s) {
    const Shard& shard = shards_[s];
    std::vector<Slot> slots;
    std::vector<Id> ids;
    std::vector<double> carried;
    std::vector<float> recent;
    slots.reserve(shard.size);
    ids.reserve(shard.size);
    carried.reserve(shard.size);
    recent.reserve(shard.size);
    for_each(s, [&](Slot slot, Id id, double) {
      slots.push_back(slot - s * shard_slots_);
      ids.push_back(id);
      carried.push_back(carried_[slot]);
      recent.push_back(lines_[slot / kLineIds].recent[slot % kLineIds]);
    });
    out.put<std::uint32_t>(shard.size);
    out.put<std::uint32_t>(shard.sketched ? 1 : 0);
    out.put(shard.unknown);
    out.put(shard.sketch_updates);
    out.put(shard.threshold);
    out.put_array(std::span<const Slot>(slots));
    out.put_array(std::span<const Id>(ids));
    out.put_array(std::span<const double>(carried));
    out.put_array(std::span<const float>(recent));
  }
  sketch_.save(out);
}

Result<void> TrackedIds::load(ByteReader& in) {
  clear();
  const auto magic = in.get<std::uint32_t>();
  const auto shards = in.get<std::uint32_t>();
  const auto asked = in.get<std::uint64_t>();
  const auto evict_share = in.get<double>();
  const auto weight = in.get<double>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "tracked ids: ends within its header");
  if (magic != kMagic) return fail(ErrorCode::kCorrupt, "tracked ids: does not start with RTI1");
  if (asked != asked_) {
    return fail(ErrorCode::kConflict,
                "tracked ids: saved with max_tracked_ids = " + std::to_string(asked) +
                    ", configured with " + std::to_string(asked_));
  }
  if (evict_share != evict_share_) {
    return fail(ErrorCode::kConflict, "tracked ids: saved with another evict_share");
  }
  if (shards != shard_count()) {
    return fail(ErrorCode::kCorrupt, "tracked ids: wrong number of shards");
  }
  if (!(weight >= 1 && weight <= kMaxWeight) ||
      static_cast<double>(static_cast<float>(weight)) != weight) {
    return fail(ErrorCode::kCorrupt, "tracked ids: the weight of an access is out of bounds");
  }
  set_weight(weight);
  for (std::uint32_t s = 0; s < shard_count(); ++s) {
    if (auto loaded = load_shard(s, in); !loaded) {
      clear();
      return fail(
          std::move(loaded.error()).with_context("tracked ids, shard " + std::to_string(s)));
    }
  }
  if (auto loaded = sketch_.load(in); !loaded) {
    clear();
    return fail(std::move(loaded.error()).with_context("tracked ids"));
  }
  return {};
}

Result<void> TrackedIds::load_shard(std::uint32_t shard_index, ByteReader& in) {
  Shard& shard = shards_[shard_index];
  const auto size = in.get<std::uint32_t>();
  const auto sketched = in.get<std::uint32_t>();
  shard.unknown = in.get<std::uint64_t>();
  shard.sketch_updates = in.get<std::uint64_t>();
  shard.threshold = in.get<double>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "ends within its header");
  if (size > shard_capacity_ || sketched > 1 ||
      !(shard.threshold >= 0 && std::isfinite(shard.threshold))) {
    return fail(ErrorCode::kCorrupt, "a value of its header is out of bounds");
  }
  shard.size = size;
  shard.sketched = sketched == 1;

  constexpr std::size_t kEntryBytes = sizeof(Slot) + sizeof(Id) + sizeof(double) + sizeof(float);
  if (size > in.remaining() / kEntryBytes) return fail(ErrorCode::kCorrupt, "ends within its ids");
  std::vector<Slot> slots(size);
  std::vector<Id> ids(size);
  std::vector<double> carried(size);
  std::vector<float> recent(size);
  in.get_array(std::span<Slot>(slots));
  in.get_array(std::span<Id>(ids));
  in.get_array(std::span<double>(carried));
  in.get_array(std::span<float>(recent));

  for (std::uint32_t i = 0; i < size; ++i) {
    if (slots[i] >= shard_slots_ || (i > 0 && slots[i] <= slots[i - 1])) {
      return fail(ErrorCode::kCorrupt, "its slots do not ascend");
    }
    if (shard_of(ids[i]) != shard_index) {
      return fail(ErrorCode::kCorrupt, "holds an id of another shard");
    }
    if (!(carried[i] >= 0 && std::isfinite(carried[i])) ||
        !(recent[i] >= 0 && recent[i] < carry_at_)) {
      return fail(ErrorCode::kCorrupt, "a count is out of bounds");
    }
    const Slot slot = shard_index * shard_slots_ + slots[i];
    Line& line = lines_[slot / kLineIds];
    line.meta |= 1U << slot % kLineIds;
    line.ids[slot % kLineIds] = ids[i];
    line.recent[slot % kLineIds] = recent[i];
    carried_[slot] = carried[i];
  }
  rebuild_filters(shard_index);
  for (std::uint32_t i = 0; i < size; ++i) {
    if (find(ids[i]) != shard_index * shard_slots_ + slots[i]) {
      return fail(ErrorCode::kCorrupt, "holds an id twice");
    }
  }
  return {};
}

}  // namespace remapd::sketch
