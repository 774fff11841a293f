// Numbers as people read them in a terminal. Pure functions; the locale does not matter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace remapd::cli {

std::string format_count(std::uint64_t count);  // "1,234,567"
std::string format_bytes(std::uint64_t bytes);  // "931 B", "281.3 KiB", "1.2 GiB"
std::string format_share(double share);         // 0.1234: "12.3 %"
std::string format_seconds(double seconds);     // "12 ms", "3.4 s", "2 min 5 s", "1 h 2 min"
std::string format_time(std::int64_t unix_ms);  // "2026-01-31 12:00:00 UTC"; 0: "unknown"
std::string format_hash(std::uint64_t hash);    // sixteen hexadecimal digits
std::string count_of(std::uint64_t count, std::string_view noun);  // "1 id", "2 ids"

}  // namespace remapd::cli
