// The rule for times, the same in every format (docs/formats.md, "Times"): Unix milliseconds out of
// what people send.
//
//   number      its unit is told by its size: seconds below 10^11 (the year 5138), then
//               milliseconds below 10^14, microseconds below 10^17, nanoseconds. A fraction is
//               rounded to milliseconds; negative numbers are before 1970, 0 is unknown
//   text        such a number, or ISO 8601: 2023-07-22, 2023-07-22T04:26:40Z,
//               2023-07-22 04:26:40.5+02:00; UTC where no zone is given
//   null, blank unknown: 0
//
// Pure functions: thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace remapd::fields {

std::int64_t time_ms_of_integer(std::int64_t value);
// None for what is not finite, or beyond the nanoseconds that 64 bits hold (the year 2262).
std::optional<std::int64_t> time_ms_of_number(double value);
// 0 for nothing but blanks; none: neither a number nor ISO 8601.
std::optional<std::int64_t> time_ms_of_text(std::string_view text);
// Why `value`, as it was sent, is no time; to be prefixed by the name of its field.
std::string time_refusal(std::string_view value);

}  // namespace remapd::fields
