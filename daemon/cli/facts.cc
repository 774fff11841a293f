#include "daemon/cli/facts.h"

#include <algorithm>

namespace remapd::cli {

std::string Facts::text() const {
  std::size_t widest = 0;
  for (const auto& [label, text] : lines_) widest = std::max(widest, label.size());
  std::string out;
  for (const auto& [label, text] : lines_) {
    out += label + std::string(widest - label.size() + 2, ' ') + text + "\n";
  }
  return out;
}

}  // namespace remapd::cli
