// REMAPD_SIMD_CLONES before a function's definition compiles it for AVX-512, AVX2 and the baseline;
// the loader chooses one.
//
// All clones give the same bits if sums have a fixed order: write the function with vectors of a
// fixed number of lanes (`vector_size`), which each clone splits into its registers. Nothing is
// contracted (-ffp-contract=off).
//
// Without clones: under ThreadSanitizer, whose calls in the resolver would run before they are
// linked; with clang 14, which lacks these targets; and with REMAPD_PORTABLE, which leaves out all
// code for one kind of processor, so that the portable code is tested too
// (tests/unit/mapping/CMakeLists.txt).
#pragma once

#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__) && \
    !defined(REMAPD_PORTABLE)
#define REMAPD_HAS_SIMD_CLONES 1
#define REMAPD_SIMD_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define REMAPD_HAS_SIMD_CLONES 0
#define REMAPD_SIMD_CLONES
#endif

namespace remapd {

// Whether the clones above use registers of sixteen floats here.
inline bool has_wide_vectors() {
#if REMAPD_HAS_SIMD_CLONES
  return __builtin_cpu_supports("x86-64-v4") != 0;
#else
  return false;
#endif
}

}  // namespace remapd
