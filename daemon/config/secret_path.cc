#include "daemon/config/secret_path.h"

#include <cstdlib>
#include <filesystem>

namespace remapd::config {

std::string secret_path(const std::string& path) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  if (credentials == nullptr || std::filesystem::path(path).is_absolute()) return path;
  const auto credential = std::filesystem::path(credentials) / path;
  std::error_code ignored;
  return std::filesystem::exists(credential, ignored) ? credential.string() : path;
}

}  // namespace remapd::config
