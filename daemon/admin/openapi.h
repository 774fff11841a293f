// openapi.json, which describes the endpoints, as it is built into the binary.
#pragma once

#include <string_view>

namespace remapd::admin {

std::string_view openapi_json();

}  // namespace remapd::admin
