// One mapping version in a trainer's memory, verified and ready to be looked up.
//
// Made from a snapshot, from its predecessor and a delta, or, before the first version, from the
// initial fallback alone. Immutable; safe to read from any number of threads.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/artifact.h"
#include "core/mapping/manifest.h"

namespace remapd::client {

class LoadedMapping;
using LoadedMappingPtr = std::shared_ptr<const LoadedMapping>;

class LoadedMapping {
 public:
  // No version yet: every id is hashed over all rows (mapping::initial_fallback).
  static LoadedMappingPtr initial(std::uint32_t rows, std::uint64_t seed);

  // `snapshot` itself, or where it is a mapped file a copy in huge pages.
  static mapping::BlobPtr in_own_memory(mapping::BlobPtr snapshot);

  // Checks the whole artifact and that it is what the manifest announces: kCorrupt, kUnsupported.
  // The blob is kept; copied first where its lines do not lie in whole lines of the processor.
  static Result<LoadedMappingPtr> from_snapshot(const mapping::Manifest& manifest,
                                                mapping::BlobPtr snapshot);

  // Also kConflict (the delta does not apply to `base`) and kResource (it does not fit its space).
  static Result<LoadedMappingPtr> from_delta(const LoadedMapping& base,
                                             const mapping::Manifest& manifest, ByteView delta);

  Version version() const { return version_; }  // kNoVersion: the initial fallback
  std::uint32_t rows() const { return rows_; }  // row budget; every row looked up is below it
  std::uint64_t ids() const { return artifact_ ? artifact_->ids() : 0; }
  // Of the initial fallback: whether ids have been looked up in it, so that rows may have learned.
  bool looked_up() const { return looked_up_.load(std::memory_order_relaxed); }
  // Null before the first version; lives as long as this.
  const mapping::ArtifactView* artifact() const { return artifact_ ? &*artifact_ : nullptr; }

  // rows.size() == ids.size().
  void lookup(std::span<const Id> ids, std::span<Row> rows) const;
  // The second row of each id under double hashing; kNoRow where it has only one.
  void lookup_second(std::span<const Id> ids, std::span<Row> rows) const;

 private:
  LoadedMapping() = default;

  Version version_ = kNoVersion;
  std::uint32_t rows_ = 0;
  mapping::Fallback initial_;
  mutable std::atomic<bool> looked_up_{false};
  mapping::BlobPtr bytes_;
  std::optional<mapping::ArtifactView> artifact_;
};

}  // namespace remapd::client
