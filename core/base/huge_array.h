// HugeArray<T>: a large, zero-initialised array of trivially copyable values, for random access.
//
// Memory is mapped from the kernel: pages take no memory until they are touched, and arrays of 2
// MiB and more ask for huge pages, which spare TLB misses. The size is fixed. Movable, not
// copyable.
//
// Thread safety: that of a plain array. Throws std::bad_alloc when the address space is exhausted.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace remapd {

namespace internal {

// Zero-filled pages; null for bytes == 0.
void* map_pages(std::size_t bytes);
void unmap_pages(void* pages, std::size_t bytes);

}  // namespace internal

template <class T>
requires(std::is_trivially_copyable_v<T>&& std::is_trivially_destructible_v<T>) class HugeArray {
 public:
  HugeArray() = default;
  explicit HugeArray(std::size_t size)
      : data_(static_cast<T*>(internal::map_pages(size * sizeof(T)))), size_(size) {}
  ~HugeArray() { internal::unmap_pages(data_, size_ * sizeof(T)); }

  HugeArray(HugeArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  HugeArray& operator=(HugeArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  HugeArray(const HugeArray&) = delete;
  HugeArray& operator=(const HugeArray&) = delete;

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return size_ * sizeof(T); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace remapd
