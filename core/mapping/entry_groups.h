// EntryGroups: a mapping's hashed ids with their rows, divided into groups (of lines, of shards);
// the first step of both encoders. Within a group ids keep their order. O(ids), parallel inside;
// the result does not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/base/huge_array.h"
#include "core/base/parallel.h"
#include "core/base/types.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

struct HashedEntry {
  std::uint64_t hash;
  Row row;
};

class EntryGroups {
 public:
  // hash_of(id) -> hash; group_of(hash) -> group, below `groups`. At most 2^32 - 1 ids.
  template <class HashOf, class GroupOf>
  EntryGroups(const Mapping& mapping, std::size_t groups, HashOf&& hash_of, GroupOf&& group_of)
      : entries_(mapping.ids.size()), begin_(groups + 1) {
    const std::size_t n = mapping.ids.size();
    const std::size_t chunk = n / kChunks + 1;
    std::vector<std::vector<std::uint32_t>> at(kChunks, std::vector<std::uint32_t>(groups));
    parallel_pieces(kChunks, [&](std::size_t c) {
      for (std::size_t i = c * chunk; i < std::min(n, (c + 1) * chunk); ++i) {
        ++at[c][group_of(hash_of(mapping.ids[i]))];
      }
    });
    std::uint32_t sum = 0;
    for (std::size_t g = 0; g < groups; ++g) {
      for (auto& counts : at) sum += std::exchange(counts[g], sum);
      begin_[g + 1] = sum;
    }
    parallel_pieces(kChunks, [&](std::size_t c) {
      for (std::size_t i = c * chunk; i < std::min(n, (c + 1) * chunk); ++i) {
        const std::uint64_t hash = hash_of(mapping.ids[i]);
        entries_[at[c][group_of(hash)]++] = {hash, mapping.rows[i]};
      }
    });
  }

  std::span<HashedEntry> of(std::size_t group) {
    return entries_.span().subspan(begin_[group], begin_[group + 1] - begin_[group]);
  }
  // The largest group's.
  std::size_t most() const {
    std::size_t most = 0;
    for (std::size_t g = 0; g + 1 < begin_.size(); ++g) {
      most = std::max<std::size_t>(most, begin_[g + 1] - begin_[g]);
    }
    return most;
  }

 private:
  static constexpr std::size_t kChunks = 64;

  HugeArray<HashedEntry> entries_;  // group after group
  std::vector<std::uint32_t> begin_;
};

}  // namespace remapd::mapping
