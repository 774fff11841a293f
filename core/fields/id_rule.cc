#include "core/fields/id_rule.h"

#include <cmath>
#include <limits>

#include "core/base/hash.h"
#include "core/fields/text.h"

namespace remapd::fields {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kSmallestMagnitude = std::uint64_t{1} << 63;  // of -2^63

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// [+-] digits [. zeros], of 64 bits; none for anything else.
std::optional<Id> id_of_digits(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  if (at == end || !is_digit(*at)) return std::nullopt;
  std::uint64_t magnitude = 0;
  for (; at != end && is_digit(*at); ++at) {
    const auto digit = static_cast<std::uint64_t>(*at - '0');
    if (magnitude > (kLargest - digit) / 10) return std::nullopt;
    magnitude = magnitude * 10 + digit;
  }
  if (at != end) {
    if (*at++ != '.' || at == end) return std::nullopt;
    for (; at != end; ++at) {
      if (*at != '0') return std::nullopt;
    }
  }
  if (!negative) return magnitude;
  if (magnitude > kSmallestMagnitude) return std::nullopt;
  return ~magnitude + 1;
}

}  // namespace

std::optional<Id> id_of_double(double value) {
  constexpr double kLargestExact = 9007199254740992.0;  // 2^53
  if (!(std::abs(value) <= kLargestExact) || value != std::trunc(value)) return std::nullopt;
  return id_of_integer(static_cast<std::int64_t>(value));
}

std::optional<Id> id_of_text(std::string_view text) {
  text = without_blanks(text);
  if (text.empty()) return std::nullopt;
  if (const auto id = id_of_digits(text)) return id;
  return hash_text(text);
}

std::optional<Id> id_of_number(std::string_view literal) {
  literal = without_blanks(literal);
  if (const auto id = id_of_digits(literal)) return id;
  if (literal.find_first_of("eE") == std::string_view::npos) return std::nullopt;
  const auto number = number_of_text(literal);
  return number ? id_of_double(*number) : std::nullopt;
}

std::string id_refusal(std::string_view value) {
  std::string reason = "an id is a whole number from -2^63 to 2^64 - 1, or text, not ";
  reason += excerpt(value);
  return reason;
}

}  // namespace remapd::fields
