#include "core/mapping/mapping_source.h"

#include <fmt/format.h>

namespace remapd::mapping {

std::string no_such_table(std::string_view where, std::string_view table,
                          const std::set<std::string>& others) {
  constexpr std::size_t kMost = 20;
  std::string there;
  std::size_t named = 0;
  for (const std::string& other : others) {
    if (named++ == kMost) {
      there += fmt::format(" and {} more", others.size() - kMost);
      break;
    }
    there += fmt::format("{}\"{}\"", there.empty() ? "" : ", ", other);
  }
  return fmt::format("no table \"{}\" in {}; there are {}", table, where, there);
}

}  // namespace remapd::mapping
