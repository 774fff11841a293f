#include "core/embedding/context_moments.h"

#include <cstring>

#include "core/base/simd.h"

namespace remapd::embedding {
namespace {

constexpr std::size_t kLanes = 4;
using Doubles = double __attribute__((vector_size(kLanes * sizeof(double))));
constexpr std::size_t kMaxFactors = 64;
constexpr std::size_t kMaxBlocks = kMaxFactors / kLanes + 1;

// By reference: how a vector this wide is returned depends on the instruction set.
[[gnu::always_inline]] inline void load(const double* from, Doubles& out) {
  std::memcpy(&out, from, sizeof(out));
}
[[gnu::always_inline]] inline void store(double* to, const Doubles& values) {
  std::memcpy(to, &values, sizeof(values));
}

// (1, s) in vectors; the rest is zero.
template <std::size_t kFactors>
[[gnu::always_inline]] inline void extend(const float* context, std::size_t factors, Doubles* out) {
  const std::size_t k = kFactors != 0 ? kFactors : factors;
  double before = 1;
  for (std::size_t j = 0; j < k; j += kLanes) {
    const Doubles s = {static_cast<double>(context[j]), static_cast<double>(context[j + 1]),
                       static_cast<double>(context[j + 2]), static_cast<double>(context[j + 3])};
    out[j / kLanes] = Doubles{before, s[0], s[1], s[2]};
    before = s[3];
  }
  out[k / kLanes] = Doubles{before, 0, 0, 0};
}

// With few factors all sums stay in registers.
template <std::size_t kFactors>
[[gnu::always_inline]] inline void add_few(const float* contexts, std::size_t n, double* moments) {
  constexpr std::size_t kStride = moment_stride(kFactors);
  constexpr std::size_t kBlocks = kFactors / kLanes + 1;
  Doubles sums[kFactors + 1][kBlocks];
  for (std::size_t a = 0; a <= kFactors; ++a) {
    for (std::size_t b = 0; b <= a / kLanes; ++b) {
      load(moments + a * kStride + b * kLanes, sums[a][b]);
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    Doubles s[kBlocks];
    extend<kFactors>(contexts + i * kFactors, kFactors, s);
#pragma GCC unroll 16
    for (std::size_t a = 0; a <= kFactors; ++a) {
#pragma GCC unroll 4
      for (std::size_t b = 0; b <= a / kLanes; ++b) {
        sums[a][b] += s[a / kLanes][a % kLanes] * s[b];
      }
    }
  }
  for (std::size_t a = 0; a <= kFactors; ++a) {
    for (std::size_t b = 0; b <= a / kLanes; ++b) {
      store(moments + a * kStride + b * kLanes, sums[a][b]);
    }
  }
}

[[gnu::always_inline]] inline void add_many(const float* contexts, std::size_t n,
                                            std::size_t factors, double* moments) {
  const std::size_t stride = moment_stride(factors);
  Doubles s[kMaxBlocks];
  for (std::size_t i = 0; i < n; ++i) {
    extend<0>(contexts + i * factors, factors, s);
    for (std::size_t a = 0; a <= factors; ++a) {
      double* row = moments + a * stride;
      const double s_a = s[a / kLanes][a % kLanes];
      for (std::size_t b = 0; b <= a / kLanes; ++b) {
        Doubles sum;
        load(row + b * kLanes, sum);
        store(row + b * kLanes, sum + s_a * s[b]);
      }
    }
  }
}

[[gnu::always_inline]] inline void add(const float* contexts, std::size_t n, std::size_t factors,
                                       double* moments) {
  switch (factors) {
    case 4:
      return add_few<4>(contexts, n, moments);
    case 8:
      return add_few<8>(contexts, n, moments);
    default:
      return add_many(contexts, n, factors, moments);
  }
}

}  // namespace

REMAPD_SIMD_CLONES
void add_context_moments(const float* contexts, std::size_t n, std::size_t factors,
                         double* moments) {
  add(contexts, n, factors, moments);
}

void add_context_moments_portable(const float* contexts, std::size_t n, std::size_t factors,
                                  double* moments) {
  add(contexts, n, factors, moments);
}

}  // namespace remapd::embedding
