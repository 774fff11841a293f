// Which build this is.
#pragma once

#include <string>

namespace remapd::cli {

// "remapd 0.1.0"
std::string version_line();

}  // namespace remapd::cli
