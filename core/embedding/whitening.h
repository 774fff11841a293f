// Symmetric (ZCA) whitening of rows: afterwards their second moments are the identity, and of all
// maps that do this it is the one that moves them least.
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

  // rows: row-major, n x d. The widest instructions of the machine; the same bits on all.
  void apply(float* rows, std::size_t n) const;
  // The same with the baseline's instructions alone.
  void apply_portable(float* rows, std::size_t n) const;

 private:
  std::size_t d_;
  std::vector<float> matrix_;  // d rows, each padded with zeros to whole blocks of 16
};

}  // namespace remapd::embedding
