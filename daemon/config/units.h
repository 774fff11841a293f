// Durations and sizes as people write them in a configuration file: "250ms", "10s", "5m", "2h";
// "64KiB", "16MiB", "1GiB", "100B". Whole numbers; no spaces; pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace remapd::config {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// The largest unit that loses nothing.
std::string format_duration(std::chrono::milliseconds duration);

std::optional<std::uint64_t> parse_size(std::string_view text);  // bytes
std::string format_size(std::uint64_t bytes);

}  // namespace remapd::config
