// Where a file with a secret is: a relative path is looked for in $CREDENTIALS_DIRECTORY (systemd's
// LoadCredential=) first.
#pragma once

#include <string>

namespace remapd::config {

std::string secret_path(const std::string& path);

}  // namespace remapd::config
