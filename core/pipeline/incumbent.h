// Incumbent: the mapping version in force as the engine knows it: the mapping of the last full
// build, and what increments have changed since. Lookups are O(log n).
//
// Not thread safe; copies share the full build's mapping.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "core/base/types.h"
#include "core/mapping/delta.h"
#include "core/mapping/id_index.h"
#include "core/mapping/mapping.h"

namespace remapd::pipeline {

class Incumbent {
 public:
  explicit Incumbent(mapping::Mapping mapping);

  const mapping::MappingInfo& info() const { return info_; }
  const mapping::MappingStats& stats() const { return stats_; }
  std::uint64_t content_hash() const { return content_hash_; }

  // kNoRow: not a known id. rows.size() == ids.size().
  void find(std::span<const Id> ids, std::span<Row> rows) const;
  Row lookup(Id id) const;

  // The version that `delta` leads to is in force now. It removes no ids.
  void apply(const mapping::Delta& delta, const mapping::MappingStats& stats);

  // O(known ids).
  std::shared_ptr<const mapping::Mapping> mapping() const;
  std::size_t memory_bytes() const;

 private:
  mapping::MappingInfo info_;
  mapping::MappingStats stats_;
  std::uint64_t content_hash_ = 0;
  std::shared_ptr<const mapping::Mapping> built_;  // by the last full build
  std::shared_ptr<const mapping::IdIndex> index_;  // of its ids
  std::unordered_map<Id, Row> changed_;            // since
};

}  // namespace remapd::pipeline
