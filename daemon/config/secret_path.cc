#include "daemon/config/secret_path.h"

#include <cstdlib>
#include <filesystem>

namespace remapd::config {

std::string secret_path(const std::string& path) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  if (credentials == nullptr || std::filesystem::path(path).is_absolute()) return path;
  const auto credential = std::filesystem::path(credentials) / path;
  // One that cannot be looked at is the one that is meant: opening it says why it cannot be read.
  std::error_code ignored;
  const auto type = std::filesystem::status(credential, ignored).type();
  return type == std::filesystem::file_type::not_found ? path : credential.string();
}

}  // namespace remapd::config
