#include "daemon/config/key.h"

#include <array>
#include <charconv>

#include "daemon/config/closest_name.h"

namespace remapd::config {

std::string string_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string list_literal(const std::vector<Literal>& values) {
  std::string out = "[";
  for (const Literal& value : values) {
    if (out.size() > 1) out += ", ";
    const auto* integer = std::get_if<std::int64_t>(&value);
    out += integer != nullptr ? std::to_string(*integer)
                              : string_literal(std::get<std::string>(value));
  }
  return out + "]";
}

std::string describe(const toml::node& node) {
  if (const auto* value = node.as_string()) return "the string " + string_literal(value->get());
  if (const auto* value = node.as_integer()) return "the number " + std::to_string(value->get());
  if (const auto* value = node.as_floating_point()) {
    return "the number " + number_literal(value->get());
  }
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  if (node.is_table()) return "a section";
  if (node.is_array()) return "an array";
  return "a date or time";
}

std::string number_literal(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".einf") == std::string::npos) text += ".0";
  return text;
}

tl::unexpected<Error> not_a_choice(const std::string& value,
                                   const std::vector<std::string>& choices) {
  std::string message = "is " + string_literal(value) + ", must be ";
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) message += i + 1 == choices.size() ? " or " : ", ";
    message += string_literal(choices[i]);
  }
  if (const auto closest = closest_name(value, choices)) {
    message += "; did you mean " + string_literal(*closest) + "?";
  }
  return fail(ErrorCode::kConfig, std::move(message));
}

}  // namespace remapd::config
