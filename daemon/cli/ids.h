// Ids from the command line or standard input: what a text log would hold, so a decimal number is
// the id itself and any other text is hashed (connectors/files/tsv_decoder.h).
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
std::vector<NamedId> parse_ids(std::span<const std::string> texts);

}  // namespace remapd::cli
