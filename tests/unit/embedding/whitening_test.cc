#include "core/embedding/whitening.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/embedding/context_moments.h"

namespace remapd::embedding {
namespace {

constexpr std::size_t kRows = 4'001;

// Columns of different lengths, each leaning on the one before.
std::vector<float> leaning_rows(std::size_t d) {
  Random random(d);
  std::vector<float> out(kRows * d);
  for (std::size_t i = 0; i < kRows; ++i) {
    double before = 0;
    for (std::size_t k = 0; k < d; ++k) {
      before = 0.6 * before + random.normal() * (1.0 + static_cast<double>(k % 5));
      out[i * d + k] = static_cast<float>(before);
    }
  }
  return out;
}

std::vector<double> moments_of(const std::vector<float>& rows, std::size_t d) {
  std::vector<double> out((d + 1) * moment_stride(d), 0.0);
  add_context_moments(rows.data(), rows.size() / d, d, out.data());
  return out;
}

TEST(Whitening, MakesSecondMomentsTheIdentity) {
  for (const std::size_t d : {4U, 12U, 16U, 20U, 64U}) {
    std::vector<float> rows = leaning_rows(d);
    const Whitening whitening(moments_of(rows, d), d);
    whitening.apply(rows.data(), kRows);
    const std::vector<double> after = moments_of(rows, d);
    for (std::size_t a = 0; a < d; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        const double moment = after[(a + 1) * moment_stride(d) + b + 1] / after[0];
        ASSERT_NEAR(moment, a == b ? 1 : 0, 1e-3) << d << " columns: " << a << ", " << b;
      }
    }
  }
}

TEST(Whitening, IsTheSameToTheBitOnEveryInstructionSet) {
  for (const std::size_t d : {4U, 12U, 16U, 20U, 48U, 64U}) {
    std::vector<float> wide = leaning_rows(d);
    std::vector<float> portable = wide;
    std::vector<float> one_by_one = wide;
    const Whitening whitening(moments_of(wide, d), d);
    whitening.apply(wide.data(), kRows);
    whitening.apply_portable(portable.data(), kRows);
    for (std::size_t i = 0; i < kRows; ++i) whitening.apply(one_by_one.data() + i * d, 1);
    EXPECT_EQ(wide, portable) << d << " columns";
    EXPECT_EQ(wide, one_by_one) << d << " columns";
  }
}

TEST(Whitening, LeavesRowsAloneThatNothingIsKnownOf) {
  constexpr std::size_t kColumns = 8;
  const Whitening whitening(std::vector<double>((kColumns + 1) * moment_stride(kColumns), 0.0),
                            kColumns);
  std::vector<float> rows = leaning_rows(kColumns);
  const std::vector<float> before = rows;
  whitening.apply(rows.data(), kRows);
  EXPECT_EQ(rows, before);
}

}  // namespace
}  // namespace remapd::embedding
