#include "client/cpp/serving_point.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace remapd::client {

static_assert(alignof(LoadedMapping) >= 2, "the lowest bit of a slot tells epochs from addresses");

ServingPoint::ServingPoint(LoadedMappingPtr first)
    : in_force_(first.get()), owner_(std::move(first)) {}

Reader ServingPoint::reader() {
  const std::lock_guard lock(mutex_);
  slots_.push_back(std::make_unique<Slot>());
  return Reader(shared_from_this(), slots_.back().get());
}

void ServingPoint::release(Slot* slot) {
  const std::lock_guard lock(mutex_);
  std::erase_if(slots_, [&](const auto& owned) { return owned.get() == slot; });
}

void ServingPoint::swap(LoadedMappingPtr next) {
  std::vector<LoadedMappingPtr> freed;  // after the lock: unmapping a large artifact takes time
  const std::lock_guard lock(mutex_);
  in_force_.store(next.get());
  retired_.push_back({std::exchange(owner_, std::move(next)), epoch_.fetch_add(1)});
  freed = unpinned_locked();
}

std::size_t ServingPoint::reclaim() {
  std::vector<LoadedMappingPtr> freed;
  const std::lock_guard lock(mutex_);
  freed = unpinned_locked();
  return retired_.size();
}

std::vector<LoadedMappingPtr> ServingPoint::unpinned_locked() {
  std::vector<LoadedMappingPtr> freed;
  if (retired_.empty()) return freed;
  std::uint64_t entering = ~std::uint64_t{0};
  std::vector<std::uint64_t> pinned;
  for (const auto& slot : slots_) {
    const std::uint64_t state = slot->state.load();
    if ((state & 1) != 0) {
      entering = std::min(entering, state >> 1);
    } else if (state != 0) {
      pinned.push_back(state);
    }
  }
  std::erase_if(retired_, [&](Retired& retired) {
    const auto address = reinterpret_cast<std::uintptr_t>(retired.mapping.get());
    if (retired.epoch >= entering || std::ranges::find(pinned, address) != pinned.end()) {
      return false;
    }
    freed.push_back(std::move(retired.mapping));
    return true;
  });
  return freed;
}

LoadedMappingPtr ServingPoint::current() const {
  const std::lock_guard lock(mutex_);
  return owner_;
}

std::size_t ServingPoint::readers() const {
  const std::lock_guard lock(mutex_);
  return slots_.size();
}

Pin::~Pin() {
  slot_.state.store(0, std::memory_order_release);
}

Reader::Reader(Reader&& other) noexcept
    : point_(std::move(other.point_)), slot_(std::exchange(other.slot_, nullptr)) {}

Reader::~Reader() {
  if (slot_ == nullptr) return;
  REMAPD_CHECK(slot_->state.load(std::memory_order_relaxed) == 0, "a reader outlives its pin");
  point_->release(slot_);
}

Pin Reader::pin() {
  REMAPD_CHECK(slot_ != nullptr && slot_->state.load(std::memory_order_relaxed) == 0,
               "a reader has one pin at a time");
  slot_->state.store(point_->epoch_.load() << 1 | 1);
  const LoadedMapping* mapping = point_->in_force_.load();
  slot_->state.store(reinterpret_cast<std::uintptr_t>(mapping), std::memory_order_release);
  return Pin(*slot_, mapping);
}

}  // namespace remapd::client
