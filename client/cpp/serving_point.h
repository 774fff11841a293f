// The serving point: which mapping is in force, for readers that are never blocked.
//
// Each Reader owns a slot. Pinning announces in the slot that the reader is about to look, takes
// the mapping in force, and narrows the announcement to that mapping: two loads and two stores,
// whatever writers do (wait-free). A swap exchanges one pointer and sets the old mapping aside;
// reclaim() frees what no slot stands for any more. This is epoch-based reclamation (Fraser,
// "Practical lock-freedom", 2004) for the moment of entering, and hazard pointers (Michael, IEEE
// TPDS 15, 2004) from then on, so that a reader that holds its pin for long keeps that one mapping
// alive and none of those that came after it.
//
// Why it is safe: a slot that says "entering, epoch e" protects everything set aside in epoch e or
// later. The reader read e before it took the pointer, and mappings of earlier epochs had been
// replaced before the epoch became e. A scan that misses the announcement comes before it, so the
// reader takes the pointer after the exchange that came before that scan. Slot, epoch and pointer
// are sequentially consistent for this argument.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "client/cpp/loaded_mapping.h"
#include "core/base/types.h"

namespace remapd::client {

class Pin;
class Reader;

// Thread safe. Owned jointly by the client and its readers, so readers may outlive the client.
class ServingPoint : public std::enable_shared_from_this<ServingPoint> {
 public:
  explicit ServingPoint(LoadedMappingPtr first);

  // A handle for one thread; takes a lock, so make it once and keep it.
  Reader reader();

  // The next pin of any reader finds `next`. Mappings nobody has pinned are freed.
  void swap(LoadedMappingPtr next);
  // Frees what was set aside and nobody has pinned any more; returns how many still are.
  std::size_t reclaim();

  LoadedMappingPtr current() const;
  std::size_t readers() const;

 private:
  friend class Pin;
  friend class Reader;

  // 0: not reading. Odd: entering, epoch = state >> 1. Even: the address of the pinned mapping.
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> state{0};
  };
  struct Retired {
    LoadedMappingPtr mapping;
    std::uint64_t epoch;
  };
  std::vector<LoadedMappingPtr> unpinned_locked();
  void release(Slot* slot);

  std::atomic<const LoadedMapping*> in_force_;
  std::atomic<std::uint64_t> epoch_{1};
  mutable std::mutex mutex_;  // all below
  LoadedMappingPtr owner_;    // of in_force_
  std::vector<Retired> retired_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

// A mapping held still: while the pin lives, lookups answer from one version. Keep it for a batch
// or a training step. One thread.
class Pin {
 public:
  ~Pin();
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

  Version version() const { return mapping_->version(); }
  std::uint32_t rows() const { return mapping_->rows(); }
  // rows.size() == ids.size(). Ids the mapping does not know get their fallback row.
  void lookup(std::span<const Id> ids, std::span<Row> rows) const { mapping_->lookup(ids, rows); }
  void lookup_second(std::span<const Id> ids, std::span<Row> rows) const {
    mapping_->lookup_second(ids, rows);
  }

 private:
  friend class Reader;
  explicit Pin(ServingPoint::Slot& slot, const LoadedMapping* mapping)
      : slot_(slot), mapping_(mapping) {}

  ServingPoint::Slot& slot_;
  const LoadedMapping* mapping_;
};

// One thread at a time, and one pin at a time (checked); move it to another thread only between
// pins.
class Reader {
 public:
  Reader(Reader&& other) noexcept;
  Reader& operator=(Reader&&) = delete;
  ~Reader();

  // Wait-free. The reader must outlive the pin.
  Pin pin();

 private:
  friend class ServingPoint;
  Reader(std::shared_ptr<ServingPoint> point, ServingPoint::Slot* slot)
      : point_(std::move(point)), slot_(slot) {}

  std::shared_ptr<ServingPoint> point_;
  ServingPoint::Slot* slot_;
};

}  // namespace remapd::client
