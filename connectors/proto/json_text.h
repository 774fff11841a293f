// The records of a JSON text as people send it: one object a line (NDJSON), objects printed over
// several lines, one after another, in a list, or quoted in a string; with or without a byte order
// mark and blanks around them.
//
// Only brackets, quotes and line ends are looked at: whether a record is sound JSON is for its
// decoder to find out. A line that is broken ends at its line end, so that the others are whole;
// what is no list, object or string is a record by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace remapd::proto {

struct JsonRecord {
  std::string_view text;
  std::uint64_t line = 1;     // of the text that it begins in
  std::uint64_t element = 0;  // of its list, from 1; 0: it is in none
};

// Whether a payload is taken for JSON: behind byte order mark and blanks it begins with {, [ or ".
bool begins_like_json(std::string_view payload);

// Calls `use` for every record, in their order. Views are of `text`, or valid during the call.
// O(length), and for text in quotes memory of its size.
void for_each_json_record(std::string_view text, const std::function<void(const JsonRecord&)>& use);
// The same of a single line, of a log whose records are lines.
void for_each_json_record_of_line(std::string_view line,
                                  const std::function<void(const JsonRecord&)>& use);

}  // namespace remapd::proto
