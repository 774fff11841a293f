#include "daemon/config/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace remapd::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first, for formatting.
constexpr std::array<Unit, 4> kDurations{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizes{{{"GiB", std::uint64_t{1} << 30},
                                      {"MiB", std::uint64_t{1} << 20},
                                      {"KiB", std::uint64_t{1} << 10},
                                      {"B", 1}}};

// Values are kept below 2^62, so that no arithmetic on them overflows.
constexpr std::uint64_t kLimit = std::uint64_t{1} << 62;

template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || rest == text.data()) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(rest - text.data()));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (number > kLimit / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

template <std::size_t N>
std::string format(std::uint64_t value, const std::array<Unit, N>& units,
                   std::string_view unit_of_zero) {
  if (value == 0) return "0" + std::string(unit_of_zero);
  std::size_t largest = 0;
  while (value % units[largest].factor != 0) ++largest;  // ends at the unit of factor 1
  return std::to_string(value / units[largest].factor) + std::string(units[largest].name);
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto value = parse(text, kDurations);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

std::string format_duration(std::chrono::milliseconds duration) {
  return format(static_cast<std::uint64_t>(duration.count()), kDurations, "s");
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse(text, kSizes);
}

std::string format_size(std::uint64_t bytes) {
  return format(bytes, kSizes, "B");
}

}  // namespace remapd::config
