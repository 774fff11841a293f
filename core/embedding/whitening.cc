#include "core/embedding/whitening.h"

#include <algorithm>
#include <cstring>

#include <Eigen/Dense>

#include "core/base/simd.h"
#include "core/embedding/context_moments.h"

namespace remapd::embedding {
namespace {

constexpr std::size_t kLanes = 16;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));

constexpr std::size_t blocks_of(std::size_t d) {
  return (d + kLanes - 1) / kLanes;
}

// kRows rows at once: what is loaded of the matrix serves all of them.
template <std::size_t kBlocks, std::size_t kRows>
[[gnu::always_inline]] inline void apply_to(float* rows, std::size_t d, const float* matrix) {
  Floats out[kRows][kBlocks] = {};
  for (std::size_t j = 0; j < d; ++j) {
#pragma GCC unroll 4
    for (std::size_t b = 0; b < kBlocks; ++b) {
      Floats m;
      std::memcpy(&m, matrix + (j * kBlocks + b) * kLanes, sizeof(m));
#pragma GCC unroll 2
      for (std::size_t r = 0; r < kRows; ++r) out[r][b] += rows[r * d + j] * m;
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    float padded[kBlocks * kLanes];
    std::memcpy(padded, out[r], sizeof(padded));
    std::copy_n(padded, d, rows + r * d);
  }
}

template <std::size_t kBlocks>
[[gnu::always_inline]] inline void apply_blocks(float* rows, std::size_t n, std::size_t d,
                                                const float* matrix) {
  std::size_t i = 0;
  for (; i + 2 <= n; i += 2) apply_to<kBlocks, 2>(rows + i * d, d, matrix);
  if (i < n) apply_to<kBlocks, 1>(rows + i * d, d, matrix);
}

[[gnu::always_inline]] inline void apply_any(float* rows, std::size_t n, std::size_t d,
                                             const float* matrix) {
  switch (blocks_of(d)) {
    case 1:
      return apply_blocks<1>(rows, n, d, matrix);
    case 2:
      return apply_blocks<2>(rows, n, d, matrix);
    case 3:
      return apply_blocks<3>(rows, n, d, matrix);
    default:
      return apply_blocks<4>(rows, n, d, matrix);
  }
}

REMAPD_SIMD_CLONES
void apply_widest(float* rows, std::size_t n, std::size_t d, const float* matrix) {
  apply_any(rows, n, d, matrix);
}

}  // namespace

Whitening::Whitening(const std::vector<double>& moments, std::size_t d)
    : d_(d), matrix_(d * blocks_of(d) * kLanes) {
  const auto size = static_cast<Eigen::Index>(d);
  const std::size_t stride = moment_stride(d);
  Eigen::MatrixXd transform = Eigen::MatrixXd::Identity(size, size);
  if (moments[0] > 0) {
    Eigen::MatrixXd covariance(size, size);
    for (std::size_t a = 0; a < d; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        covariance(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)) =
            moments[(a + 1) * stride + b + 1] / moments[0];
      }
    }
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);  // the lower half
    const double floor = 1e-6 * std::max(solver.eigenvalues().maxCoeff(), 1e-30);
    const Eigen::VectorXd scale = solver.eigenvalues().cwiseMax(floor).cwiseSqrt().cwiseInverse();
    transform = solver.eigenvectors() * scale.asDiagonal() * solver.eigenvectors().transpose();
  }
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b < d; ++b) {
      matrix_[a * blocks_of(d) * kLanes + b] =
          static_cast<float>(transform(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)));
    }
  }
}

void Whitening::apply(float* rows, std::size_t n) const {
  apply_widest(rows, n, d_, matrix_.data());
}

void Whitening::apply_portable(float* rows, std::size_t n) const {
  apply_any(rows, n, d_, matrix_.data());
}

}  // namespace remapd::embedding
