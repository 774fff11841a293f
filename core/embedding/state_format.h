// The format of the engine's state as it is written now; docs/formats.md says what came before.
#pragma once

#include <cstdint>

namespace remapd::embedding {

inline constexpr std::uint32_t kStateFormat = 5;

}  // namespace remapd::embedding
