// Second moments of (1, s) over contexts s, as the supervised learner keeps them: for n contexts
//     moments[a][b] += (1, s)_a (1, s)_b,   b <= a,
// one context after another, so that the sums do not depend on how contexts are batched.
#pragma once

#include <cstddef>

namespace remapd::embedding {

// Doubles in a row of the moments; columns beyond the row's own are scratch.
constexpr std::size_t moment_stride(std::size_t factors) {
  constexpr std::size_t kLanes = 8;
  return (factors + kLanes) / kLanes * kLanes;
}

// contexts: row-major, n x factors; moments: (factors + 1) x moment_stride(factors). `factors` is a
// multiple of 4, at most 64. Uses the widest vectors of the machine; the result does not depend on
// them.
void add_context_moments(const float* contexts, std::size_t n, std::size_t factors,
                         double* moments);
// The same with baseline instructions.
void add_context_moments_portable(const float* contexts, std::size_t n, std::size_t factors,
                                  double* moments);

}  // namespace remapd::embedding
