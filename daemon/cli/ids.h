// Ids from the command line or standard input, by the rule of core/fields/id_rule.h.
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "core/base/types.h"

namespace remapd::cli {

struct NamedId {
  std::string text;  // as it was given
  Id id = 0;
};

// Ids separated by white space, at most `count` at a time; empty at the end of the input.
std::vector<NamedId> read_ids(std::istream& in, std::size_t count);
// Texts of nothing but blanks are left out.
std::vector<NamedId> parse_ids(std::span<const std::string> texts);

}  // namespace remapd::cli
