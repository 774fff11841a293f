#include "core/base/huge_array.h"

#include <cstdint>
#include <new>

#include <sys/mman.h>

namespace remapd::internal {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t round_up(std::size_t n, std::size_t to) {
  return (n + to - 1) / to * to;
}

// Whole huge pages only once there is at least one, so that small arrays stay small.
std::size_t mapped_size(std::size_t bytes) {
  return round_up(bytes, bytes >= kHugePage ? kHugePage : kPage);
}

}  // namespace

void* map_pages(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  const std::size_t size = mapped_size(bytes);
  const std::size_t slack = bytes >= kHugePage ? kHugePage : 0;
  void* mapped = mmap(nullptr, size + slack, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  if (slack == 0) return mapped;

  // Cut the slack off both ends so that what is left starts on a huge page.
  auto* begin = static_cast<std::byte*>(mapped);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t head = round_up(address, kHugePage) - address;
  if (head > 0) munmap(begin, head);
  if (slack > head) munmap(begin + head + size, slack - head);
  // Advice: where the kernel has no huge pages the array works all the same, only slower.
  static_cast<void>(madvise(begin + head, size, MADV_HUGEPAGE));
  return begin + head;
}

void unmap_pages(void* pages, std::size_t bytes) {
  if (pages != nullptr) munmap(pages, mapped_size(bytes));
}

}  // namespace remapd::internal
