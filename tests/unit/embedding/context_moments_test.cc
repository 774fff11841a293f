#include "core/embedding/context_moments.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::embedding {
namespace {

std::vector<float> random_contexts(std::size_t n, std::size_t factors) {
  Random random(factors);
  std::vector<float> out(n * factors);
  for (float& value : out) value = static_cast<float>(random.normal());
  return out;
}

// As defined: each context added to every moment before the next one.
std::vector<double> reference(const std::vector<float>& contexts, std::size_t n,
                              std::size_t factors) {
  const std::size_t stride = moment_stride(factors);
  std::vector<double> out((factors + 1) * stride, 0.25);
  for (std::size_t i = 0; i < n; ++i) {
    const auto at = [&](std::size_t k) {
      return k == 0 ? 1.0 : static_cast<double>(contexts[i * factors + k - 1]);
    };
    for (std::size_t a = 0; a <= factors; ++a) {
      for (std::size_t b = 0; b <= a; ++b) out[a * stride + b] += at(a) * at(b);
    }
  }
  return out;
}

using Kernel = void (*)(const float*, std::size_t, std::size_t, double*);

class ContextMoments : public testing::TestWithParam<Kernel> {};

TEST_P(ContextMoments, AreTheReferencesToTheBit) {
  for (const std::size_t factors : {4U, 8U, 12U, 16U, 32U, 64U}) {
    for (const std::size_t n : {0U, 1U, 2U, 63U, 200U}) {
      const std::vector<float> contexts = random_contexts(n, factors);
      const std::vector<double> expected = reference(contexts, n, factors);
      std::vector<double> moments((factors + 1) * moment_stride(factors), 0.25);
      GetParam()(contexts.data(), n, factors, moments.data());
      for (std::size_t a = 0; a <= factors; ++a) {
        for (std::size_t b = 0; b <= a; ++b) {
          const std::size_t at = a * moment_stride(factors) + b;
          ASSERT_EQ(moments[at], expected[at]) << factors << " factors, " << n << " contexts";
        }
      }
    }
  }
}

TEST_P(ContextMoments, OfTwoBatchesAreThoseOfOne) {
  constexpr std::size_t kFactors = 8;
  const std::vector<float> contexts = random_contexts(50, kFactors);
  std::vector<double> whole((kFactors + 1) * moment_stride(kFactors), 0.0);
  std::vector<double> parts = whole;
  GetParam()(contexts.data(), 50, kFactors, whole.data());
  GetParam()(contexts.data(), 20, kFactors, parts.data());
  GetParam()(contexts.data() + 20 * kFactors, 30, kFactors, parts.data());
  EXPECT_EQ(whole, parts);
}

INSTANTIATE_TEST_SUITE_P(Kernels, ContextMoments,
                         testing::Values(&add_context_moments, &add_context_moments_portable));

}  // namespace
}  // namespace remapd::embedding
