// The secrets of the admin server, from the files the configuration names: the token for actions,
// certificate and key for TLS. A value; the token is held as its SHA-256 alone.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "daemon/admin/session.h"
#include "daemon/config/config.h"

namespace remapd::admin {

struct Credentials {
  std::optional<std::array<unsigned char, 32>> token_hash;  // none: no token is configured
  TlsContextPtr tls;                                        // null: no TLS

  // In constant time. False where there is no token.
  bool is_token(std::string_view text) const;
};

// kConfig, naming the key whose file cannot be used.
Result<Credentials> load_credentials(const config::Admin& settings);

// Changes whenever one of the files does: inode, size and time of each. A few system calls.
std::string stamp_of_files(const config::Admin& settings);

}  // namespace remapd::admin
