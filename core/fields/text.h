// Helpers of the rules in this folder: blanks around a text, and text read as a number. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace remapd::fields {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

constexpr std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The part of a value that is quoted in a reason: enough to recognise it, cut between characters of
// UTF-8.
std::string_view excerpt(std::string_view value);

// The whole text, without blanks around it, as a decimal number. None: it is not one, it is not
// finite ("nan", "inf"), or it does not fit the type.
std::optional<double> number_of_text(std::string_view text);
std::optional<std::int64_t> integer_of_text(std::string_view text);

}  // namespace remapd::fields
