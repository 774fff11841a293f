// What a configuration asks for that works, but can lose events, versions or secrets, or surprise.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.h"

namespace remapd::config {

// One sentence each: the key, what follows from its value, and what to change if that is not meant.
std::vector<std::string> risks_of(const Config& config);

}  // namespace remapd::config
