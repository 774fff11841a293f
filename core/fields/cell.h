// A cell of delimited text (TSV, CSV), which has no types: how null, text and lists are written in
// it. What is in it then follows the rules of this folder.
//
//   null     nothing but blanks, \N, NULL, null, NaN or nan
//   "text"   the text without its quotes; "" inside stands for one
//   list     with a separator: 1,2 or [1, 2, 3] or ["a", "b"]; elements are cells themselves, and
//            null ones are left out. Without a separator a cell in brackets is refused: it would be
//            hashed as one text
//
// Pure functions: thread safe. O(length of the cell).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace remapd::fields {

// The cell without blanks and quotes around it; none: null. The view is of the cell or of `room`,
// which is written to where quotes are doubled inside.
std::optional<std::string_view> text_of_cell(std::string_view cell, std::string& room);

// Appends the ids of a cell. False: it is refused, and `ids` is as before.
bool ids_of_cell(std::string_view cell, std::optional<char> separator, std::vector<Id>& ids);
// Why; to be prefixed by the name of the column.
std::string list_refusal(std::string_view cell, std::optional<char> separator);

}  // namespace remapd::fields
