#include "core/base/huge_pages.h"

#include <cstdint>

#include <sys/mman.h>

namespace remapd {

void advise_huge_pages(void* begin, std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t head = (kHugePage - address % kHugePage) % kHugePage;
  if (bytes < head + kHugePage) return;
  const std::size_t whole = (bytes - head) / kHugePage * kHugePage;
  static_cast<void>(madvise(static_cast<std::byte*>(begin) + head, whole, MADV_HUGEPAGE));
}

}  // namespace remapd
