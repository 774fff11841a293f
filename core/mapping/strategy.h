// Strategies: how a table's ids are placed on its rows. `combined` is the default; the others are
// baselines for comparisons and A/B tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace remapd::mapping {

enum class Strategy : std::uint8_t {
  kHash = 0,        // every id hashed to a row
  kDoubleHash = 1,  // frequent ids own a row, the others sum two hashed rows (Zhang et al.,
                    // RecSys 2020, "Model Size Reduction Using Frequency Based Double Hashing")
  kFrequency = 2,   // frequent ids own a row, the others are hashed to the remaining rows
  kEmbedding = 3,   // all ids clustered by their embedding, frequency ignored
  kCombined = 4,    // frequent ids own a row, the others share rows with ids that behave alike
};

std::string_view to_string(Strategy strategy);
std::optional<Strategy> parse_strategy(std::string_view name);

}  // namespace remapd::mapping
