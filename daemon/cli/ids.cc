#include "daemon/cli/ids.h"

#include <istream>

#include "core/fields/id_rule.h"

namespace remapd::cli {
namespace {

void add_id(const std::string& text, std::vector<NamedId>& ids) {
  if (const auto id = fields::id_of_text(text)) ids.push_back({text, *id});
}

}  // namespace

std::vector<NamedId> read_ids(std::istream& in, std::size_t count) {
  std::vector<NamedId> ids;
  for (std::string text; ids.size() < count && in >> text;) add_id(text, ids);
  return ids;
}

std::vector<NamedId> parse_ids(std::span<const std::string> texts) {
  std::vector<NamedId> ids;
  for (const std::string& text : texts) add_id(text, ids);
  return ids;
}

}  // namespace remapd::cli
