// Finds the real event logs that some tests and benchmarks measure on. They are not part of the
// repository: where they are missing, such a test skips with a notice.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

namespace remapd::test_support {

// The log of that name in $REMAPD_DATA if that is set, else in the nearest `shared/data` folder
// beside the source tree or above it.
inline std::optional<std::filesystem::path> real_log(std::string_view name) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (const char* data = std::getenv("REMAPD_DATA"); data != nullptr && *data != '\0') {
    const fs::path log = fs::path(data) / name;
    return fs::exists(log, ignored) ? std::optional(log) : std::nullopt;
  }
  fs::path folder = REMAPD_SOURCE_DIR;
  while (folder.has_relative_path()) {
    folder = folder.parent_path();
    const fs::path log = folder / "shared" / "data" / name;
    if (fs::exists(log, ignored)) return log;
  }
  return std::nullopt;
}

}  // namespace remapd::test_support
