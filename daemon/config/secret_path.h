// Where a file with a secret is: a relative path is looked for in $CREDENTIALS_DIRECTORY (systemd's
// LoadCredential=) first, and is that one's also where it may not be looked at.
#pragma once

#include <string>

namespace remapd::config {

std::string secret_path(const std::string& path);

}  // namespace remapd::config
