// Shards are solved in parallel, each for itself.
#include "core/mapping/compact_encoder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <vector>

#include "core/base/check.h"
#include "core/base/huge_array.h"
#include "core/base/huge_pages.h"
#include "core/base/parallel.h"
#include "core/mapping/artifact_assembly.h"
#include "core/mapping/artifact_format.h"
#include "core/mapping/entry_groups.h"
#include "core/mapping/fuse_shape.h"

namespace remapd::mapping {
namespace {

constexpr std::size_t kShardIds = std::size_t{3} << 18;
constexpr std::uint32_t kMaxSeeds = 10'000;  // one in a thousand shards needs more than a few

// Slots for n ids, three an id: the article's 0.875 + 0.25 log(10^6) / log(n), but not below 1.125.
// Only with operations that are exact everywhere: log2(n) from below, by the chord between powers
// of two.
std::uint64_t slots_for(std::size_t n) {
  const auto size = static_cast<double>(std::max<std::size_t>(n, 16));
  const int whole = std::bit_width(std::max<std::size_t>(n, 16)) - 1;
  const double log2 = whole + (size / static_cast<double>(std::uint64_t{1} << whole) - 1);
  constexpr double kLog2OfAMillion = 19.931568569324174;
  const double factor = std::max(1.125, 0.875 + 0.25 * kLog2OfAMillion / log2);
  return static_cast<std::uint64_t>(size * factor);
}

// The article's segment length: 2^floor(log(n) / log(3.33) + 2.25).
std::uint32_t segment_bits_for(std::size_t n) {
  std::uint32_t bits = FuseShape::kMinSegmentBits;
  double least = 8.21;  // ids from which segments are one bit longer: 3.33^(bits + 1 - 2.25)
  for (; bits < FuseShape::kMaxSegmentBits && static_cast<double>(n) >= least; ++bits) {
    least *= 3.33;
  }
  return bits;
}

// One shard: finds a seed for which its system of equations is triangular, and solves it.
class Shard {
 public:
  Shard(const FuseShape& shape, std::span<const HashedEntry> entries)
      : shape_(shape),
        entries_(entries),
        keys_(entries.size()),
        peeled_(entries.size()),
        slots_(shape.slots()),
        alone_(shape.slots() + 2) {}

  // Writes the slots, which are all zero, and returns the seed.
  std::uint32_t write(std::byte* out) && {
    std::uint32_t seed = 0;
    while (!peel(seed)) {
      ++seed;
      REMAPD_CHECK(seed < kMaxSeeds, "distinct keys can be told apart");
      std::fill(slots_.span().begin(), slots_.span().end(), Slot{});
    }
    solve();
    const std::uint32_t bits = shape_.slot_bits();
    for (std::uint64_t i = 0; i < slots_.size(); ++i) {
      const std::uint64_t bit = i * bits;
      std::uint64_t word;
      std::memcpy(&word, out + bit / 8, sizeof(word));
      word |= slots_[i].keys << (bit % 8);
      std::memcpy(out + bit / 8, &word, sizeof(word));
    }
    return seed;
  }

 private:
  struct Key {
    std::uint64_t key;
    Row row;
    std::uint32_t slot;  // once peeled: the one that is this key's alone
  };
  // The keys that have the slot, XORed, their rows, XORed, and how many there are. When all are
  // peeled, `keys` is zero and takes the slot's value.
  struct Slot {
    std::uint64_t keys;
    std::uint32_t rows;
    std::uint32_t count;
  };

  // By segment, so that what follows stays in a few segments at a time.
  void sort_keys(std::uint32_t seed) {
    std::vector<std::uint32_t> next(shape_.segments + std::size_t{1});
    const auto segment_of = [&](std::uint64_t key) {
      return shape_.slots_of(key)[0] >> shape_.segment_bits;
    };
    for (const HashedEntry& entry : entries_) {
      ++next[segment_of(FuseShape::key_of(entry.hash, seed)) + 1];
    }
    for (std::size_t s = 1; s < next.size(); ++s) next[s] += next[s - 1];
    for (const HashedEntry& entry : entries_) {
      const std::uint64_t key = FuseShape::key_of(entry.hash, seed);
      keys_[next[segment_of(key)]++] = {key, entry.row, 0};
    }
  }

  // Takes away, one after another, keys that have a slot for themselves; false if some are left.
  bool peel(std::uint32_t seed) {
    sort_keys(seed);
    const FuseShape shape = shape_;
    Slot* const slots = slots_.data();
    for (const Key& key : keys_.span()) {
      for (const std::uint32_t at : shape.slots_of(key.key)) {
        slots[at].keys ^= key.key;
        slots[at].rows ^= key.row.value;
        ++slots[at].count;
      }
    }
    Key* peeled = peeled_.data();
    std::uint32_t* const bottom = alone_.data();
    for (std::uint32_t start = 0; start < slots_.size(); ++start) {
      bottom[0] = start;
      for (std::uint32_t* top = bottom + 1; top != bottom;) {
        const Slot alone = slots[*--top];
        if (alone.count != 1) continue;
        *peeled++ = {alone.keys, Row{alone.rows}, *top};
        for (const std::uint32_t at : shape.slots_of(alone.keys)) {
          slots[at].keys ^= alone.keys;
          slots[at].rows ^= alone.rows;
          --slots[at].count;
          *top = at;  // kept only if the slot now has a single key
          top += slots[at].count == 1 ? 1 : 0;
        }
      }
    }
    return peeled == peeled_.data() + peeled_.size();
  }

  // Backwards: the slot of its own makes each key come out right, and no later one touches it.
  void solve() {
    for (std::size_t i = peeled_.size(); i-- > 0;) {
      const Key& key = peeled_[i];
      std::uint64_t value =
          std::uint64_t{FuseShape::fingerprint_of(key.key)} << shape_.row_bits | key.row.value;
      for (const std::uint32_t slot : shape_.slots_of(key.key)) value ^= slots_[slot].keys;
      slots_[key.slot].keys = value;
    }
  }

  const FuseShape& shape_;
  std::span<const HashedEntry> entries_;
  HugeArray<Key> keys_;
  HugeArray<Key> peeled_;
  HugeArray<Slot> slots_;
  HugeArray<std::uint32_t> alone_;  // a stack: each slot is on it at most once
};

}  // namespace

Bytes encode_compact(const Mapping& mapping, std::uint64_t content_hash) {
  const std::size_t n = mapping.ids.size();
  FuseShape shape{.row_bits = format::row_bits_for(mapping.info.rows)};
  const std::size_t header = header_bytes(mapping.info);
  Bytes out;
  const auto assembled = [&] {
    return assemble({.info = mapping.info, .ids = n, .content_hash = content_hash, .shape = shape},
                    std::move(out));
  };
  if (n == 0) {
    out.resize(header);
    return assembled();
  }

  shape.shards = static_cast<std::uint32_t>((n + kShardIds - 1) / kShardIds);
  const auto deal_out = [&] {
    return EntryGroups(
        mapping, shape.shards, [&](Id id) { return shape.hash_of(id); },
        [&](std::uint64_t hash) { return shape.shard_of(hash); });
  };
  // Ids chosen to collide in one shard collide for one seed only.
  EntryGroups groups = deal_out();
  while (groups.most() > kShardIds + kShardIds / 16) {
    ++shape.seed;
    groups = deal_out();
  }
  shape.segment_bits = segment_bits_for(groups.most());
  const std::uint64_t segment = std::uint64_t{1} << shape.segment_bits;
  shape.segments = static_cast<std::uint32_t>(
      std::max<std::uint64_t>(3, (slots_for(groups.most()) + segment - 1) / segment));

  out.reserve(header + shape.bytes());
  advise_huge_pages(out.data(), out.capacity());
  out.resize(header + shape.bytes());
  std::byte* seeds = out.data() + header;
  std::byte* shards = seeds + shape.seeds_bytes();
  parallel_pieces(shape.shards, [&](std::size_t s) {
    const std::uint32_t seed = Shard(shape, groups.of(s)).write(shards + s * shape.shard_bytes());
    std::memcpy(seeds + s * sizeof(seed), &seed, sizeof(seed));
  });
  return assembled();
}

}  // namespace remapd::mapping
