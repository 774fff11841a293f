// Huge pages for ordinary buffers. See HugeArray for arrays of a fixed size.
#pragma once

#include <cstddef>

namespace remapd {

// Asks for huge pages in a buffer that is about to be filled and then read at random; those that
// lie in it whole. Nothing but speed depends on it. Thread safe.
void advise_huge_pages(void* begin, std::size_t bytes);

}  // namespace remapd
