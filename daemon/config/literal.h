// A value of an event, as a configuration writes it in a list of them: ignore = [0, "", "unknown"].
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace remapd::config {

using Literal = std::variant<std::int64_t, std::string>;

}  // namespace remapd::config
