// REMAPD_SIMD_CLONES before a function's definition: compiled for AVX-512, AVX2 and the baseline,
// chosen when the program is loaded.
//
// The clones give the same bits as each other: nothing is contracted (-ffp-contract=off), and what
// is summed is summed lane by lane, in one order. So a function is written with vectors of a fixed
// number of lanes (`vector_size`), which each clone cuts into registers of its own width.
//
// Not under the thread sanitizer: its calls are in the clones' resolver, too, which runs before
// they are linked. Not with clang 14, which knows no such targets. Not where REMAPD_PORTABLE is
// defined, which leaves out all that is written for one kind of processor: so that the rest can be
// tested on this one (tests/unit/mapping/CMakeLists.txt).
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
