#include "core/fields/text.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>

namespace remapd::fields {
namespace {

// from_chars() knows no plus sign.
std::string_view without_plus(std::string_view text) {
  const bool digit_follows = text.size() > 1 && text[0] == '+' && text[1] != '-';
  return digit_follows ? text.substr(1) : text;
}

template <class Number>
std::optional<Number> whole_text(std::string_view text) {
  text = without_plus(without_blanks(text));
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::string_view excerpt(std::string_view value) {
  constexpr std::size_t kMost = 64;
  if (value.size() <= kMost) return value;
  std::size_t end = kMost;
  while (end > kMost - 4 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80U) --end;
  return value.substr(0, end);
}

std::optional<double> number_of_text(std::string_view text) {
  const auto number = whole_text<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<std::int64_t> integer_of_text(std::string_view text) {
  return whole_text<std::int64_t>(text);
}

}  // namespace remapd::fields
