#include "core/mapping/strategy.h"

#include <array>
#include <utility>

namespace remapd::mapping {
namespace {

constexpr std::array<std::pair<Strategy, std::string_view>, 5> kNames{{
    {Strategy::kHash, "hash"},
    {Strategy::kDoubleHash, "double_hash"},
    {Strategy::kFrequency, "frequency"},
    {Strategy::kEmbedding, "embedding"},
    {Strategy::kCombined, "combined"},
}};

}  // namespace

std::string_view to_string(Strategy strategy) {
  for (const auto& [value, name] : kNames) {
    if (value == strategy) return name;
  }
  return "unknown";
}

std::optional<Strategy> parse_strategy(std::string_view name) {
  for (const auto& [value, text] : kNames) {
    if (text == name) return value;
  }
  return std::nullopt;
}

}  // namespace remapd::mapping
