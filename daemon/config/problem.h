// What is wrong with a configuration file, and where.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace remapd::config {

// Where a key stands. Lines and columns count from 1; line 0: it is not written in the file.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};
// By full name: "publish.growth", "table[1].rows".
using Places = std::map<std::string, Place, std::less<>>;

struct Problem {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string key;      // empty: the file as a whole
  std::string message;  // begins with a verb ("is 3, must be ...") where the key is its subject
};

// "remapd.toml:12:3: publish.growth is 0.5, must be 1.0 to 100.0"
std::string to_string(const Problem& problem);

}  // namespace remapd::config
