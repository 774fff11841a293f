#include "tests/unit/pipeline/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace remapd::pipeline {

static std::atomic<std::size_t> calls = 0;

std::size_t allocations() {
  return calls;
}

}  // namespace remapd::pipeline

void* operator new(std::size_t size) {
  ++remapd::pipeline::calls;
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
// Sanitizers have one of their own, which would not go with the delete below.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++remapd::pipeline::calls;
  return std::malloc(size != 0 ? size : 1);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
