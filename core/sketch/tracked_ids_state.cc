// TrackedIds as they are saved: docs/formats.md "Tracked ids".
#include <cmath>
#include <string>
#include <utility>

#include "core/sketch/tracked_ids.h"

namespace remapd::sketch {
namespace {

constexpr std::uint32_t kMagic = 0x31495452;  // "RTI1"
constexpr std::size_t kShardHeaderBytes = 32;
constexpr std::size_t kEntryBytes = sizeof(Slot) + sizeof(Id) + sizeof(double) + sizeof(float);

}  // namespace

void TrackedIds::clear() {
  for (Line& line : lines_.span()) line = Line{};
  for (double& carried : carried_.span()) carried = 0;
  for (std::uint32_t& place : places_.span()) place = 0;
  for (Shard& shard : shards_) shard = Shard{};
  set_weight(1);
}

void TrackedIds::save(StateWriter& out) const {
  out.small().put(kMagic);
  out.small().put<std::uint32_t>(shard_count());
  out.small().put(asked_);
  out.small().put(evict_share_);
  out.small().put(weight_);
  for (std::uint32_t s = 0; s < shard_count(); ++s) {
    out.add([this, s](ByteWriter& bytes) { save_shard(s, bytes); });
  }
  out.add([this](ByteWriter& bytes) { sketch_.save(bytes); });
}

void TrackedIds::save_shard(std::uint32_t shard_index, ByteWriter& out) const {
  const Shard& shard = shards_[shard_index];
  const std::vector<Entry> entries = entries_of(shard_index);
  out.bytes().reserve(kShardHeaderBytes + entries.size() * kEntryBytes);
  out.put<std::uint32_t>(shard.size);
  out.put<std::uint32_t>(shard.sketched ? 1 : 0);
  out.put(shard.untracked);
  out.put(shard.sketch_updates);
  out.put(shard.threshold);
  const Slot first = first_slot(shard_index);
  const std::size_t n = entries.size();
  out.put_each<Slot>(n, [&](std::size_t i) { return entries[i].slot - first; });
  out.put_each<Id>(n, [&](std::size_t i) { return entries[i].id; });
  out.put_each<double>(n, [&](std::size_t i) { return carried_[entries[i].slot]; });
  out.put_each<float>(n, [&](std::size_t i) { return entries[i].recent; });
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
  shard.untracked = in.get<std::uint64_t>();
  shard.sketch_updates = in.get<std::uint64_t>();
  shard.threshold = in.get<double>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "ends within its header");
  if (size > shard_slots_ || sketched > 1 ||
      !(shard.threshold >= 0 && std::isfinite(shard.threshold))) {
    return fail(ErrorCode::kCorrupt, "a value of its header is out of bounds");
  }
  shard.size = size;
  shard.sketched = sketched == 1;

  if (size > in.remaining() / kEntryBytes) return fail(ErrorCode::kCorrupt, "ends within its ids");
  std::vector<Slot> slots(size);
  std::vector<Id> ids(size);
  std::vector<double> carried(size);
  std::vector<float> recent(size);
  in.get_array(std::span<Slot>(slots));
  in.get_array(std::span<Id>(ids));
  in.get_array(std::span<double>(carried));
  in.get_array(std::span<float>(recent));

  std::vector<Entry> entries(size);
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
    entries[i] = {ids[i], first_slot(shard_index) + slots[i], recent[i], 0};
    carried_[entries[i].slot] = carried[i];
  }
  lay_out(shard_index, entries);
  for (const Entry& entry : entries) {
    if (find(entry.id) != entry.slot) return fail(ErrorCode::kCorrupt, "holds an id twice");
  }
  return {};
}

}  // namespace remapd::sketch
