#include "connectors/proto/json_text.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "core/fields/text.h"

namespace remapd::proto {
namespace {

using Use = std::function<void(const JsonRecord&)>;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr auto kNowhere = std::string_view::npos;

std::string_view bare(std::string_view text) {
  text = fields::without_blanks(text);
  if (text.starts_with(kByteOrderMark)) text = fields::without_blanks(text.substr(3));
  return text;
}

// Behind the value that begins at `begin`; kNowhere if its brackets or quotes do not close.
std::size_t end_of_value(std::string_view text, std::size_t begin) {
  std::size_t depth = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    switch (text[at]) {
      case '"':
        for (++at; at < text.size() && text[at] != '"'; ++at) {
          if (text[at] == '\\') ++at;
        }
        if (at >= text.size()) return kNowhere;
        if (depth == 0) return at + 1;
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return kNowhere;
        if (--depth == 0) return at + 1;
        break;
      default:
        break;
    }
  }
  return kNowhere;
}

bool is_whole_value(std::string_view text) {
  text = fields::without_blanks(text);
  return !text.empty() && (text.front() == '{' || text.front() == '[' || text.front() == '"') &&
         end_of_value(text, 0) == text.size();
}

std::size_t end_of_line(std::string_view text, std::size_t begin) {
  return std::min(text.find('\n', begin), text.size());
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && fields::is_blank(text[at])) ++at;
  return at;
}

enum class Form { kLines, kValues, kOneRecord };

Form form_of(std::string_view text) {
  const std::size_t first_end = end_of_line(text, 0);
  if (is_whole_value(text.substr(0, first_end))) return Form::kLines;
  std::size_t at = 0;
  while (at < text.size()) {
    at = end_of_value(text, at);
    if (at == kNowhere) break;
    at = skip_blanks(text, at);
  }
  if (at != kNowhere) return Form::kValues;
  // Something does not close. If another line does by itself, it is one line that is broken.
  for (std::size_t begin = first_end; begin < text.size(); begin = end_of_line(text, begin + 1)) {
    const std::size_t end = end_of_line(text, begin + 1);
    if (is_whole_value(text.substr(begin, end - begin))) return Form::kLines;
  }
  return Form::kOneRecord;
}

void split(std::string_view text, std::uint64_t line, bool quoted, const Use& use);

std::uint64_t line_ends(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

void for_each_element(std::string_view list, std::uint64_t line, const Use& use) {
  std::uint64_t element = 0;
  const std::size_t end = list.size() - 1;
  for (std::size_t at = 1, begin = 0; at < end; ++at) {
    at = skip_blanks(list, at);
    if (at >= end) break;
    line += line_ends(list.substr(begin, at - begin));
    begin = at;
    const bool compound = list[at] == '{' || list[at] == '[' || list[at] == '"';
    if (compound) at = std::min(end_of_value(list, at), end);
    at = std::min(list.find(',', at), end);
    use({.text = fields::without_blanks(list.substr(begin, at - begin)),
         .line = line,
         .element = ++element});
  }
  if (element == 0) use({.text = list, .line = line});
}

void use_value(std::string_view value, std::uint64_t line, bool quoted, const Use& use) {
  if (value.front() == '[' && is_whole_value(value)) return for_each_element(value, line, use);
  if (value.front() == '"' && !quoted) {
    const auto inner = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
    if (inner.is_string() && begins_like_json(inner.get_ref<const std::string&>())) {
      return split(bare(inner.get_ref<const std::string&>()), line, true, use);
    }
  }
  use({.text = value, .line = line});
}

void split(std::string_view text, std::uint64_t line, bool quoted, const Use& use) {
  const Form form = form_of(text);
  if (form == Form::kOneRecord) return use({.text = text, .line = line});
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = form == Form::kLines ? end_of_line(text, at) : end_of_value(text, at);
    const std::string_view value = fields::without_blanks(text.substr(at, end - at));
    if (!value.empty()) use_value(value, line, quoted, use);
    const std::size_t next =
        form == Form::kLines ? std::min(end + 1, text.size()) : skip_blanks(text, end);
    line += line_ends(text.substr(at, next - at));
    at = next;
  }
}

}  // namespace

bool begins_like_json(std::string_view payload) {
  const std::string_view text = bare(payload);
  return !text.empty() && (text.front() == '{' || text.front() == '[' || text.front() == '"');
}

void for_each_json_record(std::string_view text, const Use& use) {
  const std::string_view rest = bare(text);
  if (rest.empty()) return;
  const auto before = static_cast<std::size_t>(rest.data() - text.data());
  split(rest, 1 + line_ends(text.substr(0, before)), false, use);
}

void for_each_json_record_of_line(std::string_view line, const Use& use) {
  const std::string_view rest = bare(line);
  if (!rest.empty()) use_value(rest, 1, false, use);
}

}  // namespace remapd::proto
