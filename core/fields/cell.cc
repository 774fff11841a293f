#include "core/fields/cell.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/fields/id_rule.h"
#include "core/fields/text.h"

namespace remapd::fields {
namespace {

constexpr std::array<std::string_view, 6> kNulls = {"", "\\N", "NULL", "null", "NaN", "nan"};

// "..." whose quotes inside are doubled.
bool is_quoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  const std::string_view inner = text.substr(1, text.size() - 2);
  for (std::size_t at = inner.find('"'); at != std::string_view::npos; at = inner.find('"', at)) {
    if (at + 1 == inner.size() || inner[at + 1] != '"') return false;
    at += 2;
  }
  return true;
}

bool is_bracketed(std::string_view text) {
  return text.size() >= 2 && text.front() == '[' && text.back() == ']';
}

// Into one list nobody writes another, or half of one.
bool is_list_like(std::string_view element) {
  return !element.empty() && (element.front() == '[' || element.back() == ']');
}

}  // namespace

std::optional<std::string_view> text_of_cell(std::string_view cell, std::string& room) {
  cell = without_blanks(cell);
  if (std::find(kNulls.begin(), kNulls.end(), cell) != kNulls.end()) return std::nullopt;
  if (!is_quoted(cell)) return cell;
  const std::string_view inner = cell.substr(1, cell.size() - 2);
  if (inner.find('"') == std::string_view::npos) return inner;
  room.clear();
  for (std::size_t at = 0; at < inner.size(); ++at) {
    room += inner[at];
    if (inner[at] == '"') ++at;
  }
  return room;
}

bool ids_of_cell(std::string_view cell, std::optional<char> separator, std::vector<Id>& ids) {
  std::string room;
  const auto whole = text_of_cell(cell, room);
  if (!whole) return true;
  std::string_view rest = *whole;
  if (!separator) {
    if (is_bracketed(rest)) return false;
    if (const auto id = id_of_text(rest)) ids.push_back(*id);
    return true;
  }
  rest = without_blanks(rest);
  if (is_bracketed(rest)) rest = rest.substr(1, rest.size() - 2);
  const std::size_t before = ids.size();
  std::string element_room;
  while (!rest.empty()) {
    const std::size_t cut = std::min(rest.find(*separator), rest.size());
    const auto element = text_of_cell(rest.substr(0, cut), element_room);
    rest.remove_prefix(std::min(cut + 1, rest.size()));
    if (!element) continue;
    if (is_list_like(*element)) {
      ids.resize(before);
      return false;
    }
    if (const auto id = id_of_text(*element)) ids.push_back(*id);
  }
  return true;
}

std::string list_refusal(std::string_view cell, std::optional<char> separator) {
  std::string reason;
  if (separator) {
    reason = "a list of ids has no list inside and both its brackets, unlike ";
    reason += excerpt(cell);
  } else {
    reason = "a list, ";
    reason += excerpt(cell);
    reason += ", where one id is expected; multi_value_separator says what is between ids";
  }
  return reason;
}

}  // namespace remapd::fields
