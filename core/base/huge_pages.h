// Huge pages for ordinary buffers (HugeArray has its own).
#pragma once

#include <cstddef>

namespace remapd {

// Asks the kernel for huge pages where they lie whole in a buffer, before it is filled. A hint:
// only speed depends on it. Thread safe.
void advise_huge_pages(void* begin, std::size_t bytes);

}  // namespace remapd
