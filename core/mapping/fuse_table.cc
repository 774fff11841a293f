#include "core/mapping/fuse_table.h"

#include <algorithm>
#include <cstring>

namespace remapd::mapping {
namespace {

std::uint64_t word_at(const std::byte* shard, std::uint32_t bit) {
  std::uint64_t word;
  std::memcpy(&word, shard + bit / 8, sizeof(word));
  return word >> (bit % 8);
}

}  // namespace

[[gnu::always_inline]] inline FuseTable::Probe FuseTable::probe(Id id) const {
  const std::uint64_t hash = shape_.hash_of(id);
  const std::uint32_t shard = shape_.shard_of(hash);
  std::uint32_t seed;
  std::memcpy(&seed, seeds_ + std::size_t{shard} * sizeof(seed), sizeof(seed));
  const std::uint64_t key = FuseShape::key_of(hash, seed);
  Probe out{shards_ + shard * shape_.shard_bytes(), shape_.slots_of(key),
            FuseShape::fingerprint_of(key)};
  for (std::uint32_t& bit : out.bits) bit *= shape_.slot_bits();
  return out;
}

// A slot may lie across two cache lines.
[[gnu::always_inline]] inline void FuseTable::fetch(const Probe& probe) {
  for (const std::uint32_t bit : probe.bits) {
    __builtin_prefetch(probe.shard + bit / 8);
    __builtin_prefetch(probe.shard + bit / 8 + 7);
  }
}

[[gnu::always_inline]] inline bool FuseTable::read(const Probe& probe, Row& row) const {
  const std::uint64_t mixed = word_at(probe.shard, probe.bits[0]) ^
                              word_at(probe.shard, probe.bits[1]) ^
                              word_at(probe.shard, probe.bits[2]);
  const std::uint64_t slot = mixed & ((std::uint64_t{1} << shape_.slot_bits()) - 1);
  row = Row{static_cast<std::uint32_t>(slot & ((std::uint64_t{1} << shape_.row_bits) - 1))};
  return slot >> shape_.row_bits == probe.fingerprint && row.value < rows_;
}

std::optional<Row> FuseTable::find(Id id) const {
  Row row;
  if (shape_.shards == 0 || !read(probe(id), row)) return std::nullopt;
  return row;
}

template <class FallbackRow>
void FuseTable::find_or(std::span<const Id> ids, const FallbackRow& fallback_row,
                        std::span<Row> out) const {
  const std::size_t n = ids.size();
  if (shape_.shards == 0) {
    std::transform(ids.begin(), ids.end(), out.begin(), fallback_row);
    return;
  }
  constexpr std::size_t kAhead = 16;  // ids, with three lines each
  std::array<Probe, kAhead> probes;
  for (std::size_t i = 0; i < std::min(kAhead, n); ++i) {
    probes[i] = probe(ids[i]);
    fetch(probes[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    Probe& here = probes[i % kAhead];
    Row row;
    out[i] = read(here, row) ? row : fallback_row(ids[i]);
    if (i + kAhead < n) {
      here = probe(ids[i + kAhead]);
      fetch(here);
    }
  }
}

void FuseTable::find(std::span<const Id> ids, std::span<Row> out) const {
  const auto no_row = [](Id) { return kNoRow; };
  find_or(ids, no_row, out);
}

void FuseTable::lookup(std::span<const Id> ids, const Fallback& fallback,
                       std::span<Row> out) const {
  const auto fallback_row = [&](Id id) { return fallback.row(id); };
  find_or(ids, fallback_row, out);
}

}  // namespace remapd::mapping
