// Points for tests of what searches among them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/random.h"

namespace remapd::placement {

// n points of d coordinates, row-major, each coordinate standard normal.
inline std::vector<float> random_points(std::size_t n, std::size_t d, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> out(n * d);
  for (float& x : out) x = static_cast<float>(random.normal());
  return out;
}

}  // namespace remapd::placement
