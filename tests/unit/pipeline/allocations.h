// How often this test binary has asked for memory: what must not grow is compared before and after.
#pragma once

#include <cstddef>

namespace remapd::pipeline {

// Calls of operator new so far, of all threads.
std::size_t allocations();

}  // namespace remapd::pipeline
