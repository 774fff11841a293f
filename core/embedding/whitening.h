// Symmetric (ZCA) whitening of rows: the linear map that makes their second moments the identity
// and changes the rows least.
#pragma once

#include <cstddef>
#include <vector>

namespace remapd::embedding {

// Of d columns, 4 <= d <= 64, a multiple of 4.
class Whitening {
 public:
  // moments: of (1, row) over the rows to be whitened, or a sample of them, as context_moments.h
  // lays them out. Without any row: the identity.
  Whitening(const std::vector<double>& moments, std::size_t d);

  // rows: row-major, n x d. Uses the widest vectors of the machine; the result does not depend on
  // them.
  void apply(float* rows, std::size_t n) const;
  // The same with baseline instructions.
  void apply_portable(float* rows, std::size_t n) const;

 private:
  std::size_t d_;
  std::vector<float> matrix_;  // d rows, each padded with zeros to whole blocks of 16
};

}  // namespace remapd::embedding
