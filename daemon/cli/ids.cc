#include "daemon/cli/ids.h"

#include <istream>

#include "connectors/files/tsv_decoder.h"

namespace remapd::cli {

std::vector<NamedId> read_ids(std::istream& in, std::size_t count) {
  std::vector<NamedId> ids;
  for (std::string text; ids.size() < count && in >> text;) {
    ids.push_back({text, files::parse_id(text)});
  }
  return ids;
}

std::vector<NamedId> parse_ids(std::span<const std::string> texts) {
  std::vector<NamedId> ids;
  for (const std::string& text : texts) ids.push_back({text, files::parse_id(text)});
  return ids;
}

}  // namespace remapd::cli
