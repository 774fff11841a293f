#include "daemon/config/problem.h"

#include <algorithm>
#include <array>

namespace remapd::config {

std::string to_string(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line > 0) {
    out += ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
  }
  out += ": ";
  if (!problem.key.empty()) {
    constexpr std::array<std::string_view, 4> kVerbs{"is ", "has ", "must ", "may "};
    const bool sentence = std::any_of(kVerbs.begin(), kVerbs.end(), [&](std::string_view verb) {
      return problem.message.starts_with(verb);
    });
    out += problem.key + (sentence ? " " : ": ");
  }
  return out + problem.message;
}

}  // namespace remapd::config
