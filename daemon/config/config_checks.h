// What must hold between the keys of a configuration, beyond the bounds of each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "daemon/config/config.h"
#include "daemon/config/problem.h"

namespace remapd::config {

// Contradictions, each at the place of the key to change; keys that are not written count as
// standing in `file`.
std::vector<Problem> check_config(const Config& config, const Places& places,
                                  const std::string& file);

// "localhost", or an address of the loopback interface.
bool is_loopback(const std::string& host);

// admin.listen taken apart.
struct ListenAddress {
  std::string host;  // without brackets; empty: unix_path
  std::uint16_t port = 0;
  std::string unix_path;
  bool local = false;  // loopback, or a unix socket
};
// kConfig unless it is address:port, [v6 address]:port, name:port or unix:PATH.
Result<ListenAddress> parse_listen(std::string_view listen);

}  // namespace remapd::config
