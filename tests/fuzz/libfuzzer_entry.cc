// libFuzzer's entry point: runs the one target this binary was linked with.
#include <cstdint>

#include "core/base/check.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const remapd::fuzz::Target target = [] {
    REMAPD_CHECK(remapd::fuzz::targets().size() == 1, "a fuzz binary has one target");
    return remapd::fuzz::targets().begin()->second;
  }();
  target({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
