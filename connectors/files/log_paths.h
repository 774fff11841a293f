// Which files a log consists of: a file, a directory of them, or a pattern such as
// "clicks/2025-*/part-*.gz".
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace remapd::files {

// The files in the order in which they are read: by path, numbers in it by their value, so that
// part-2 is before part-10. A path that exists is meant literally; else *, ? and [] are a pattern.
// Of a directory all files below it are meant, except those whose name, or whose directory's,
// begins with '.' or '_'. kNotFound: there is none; kIo.
Result<std::vector<std::filesystem::path>> log_paths(const std::filesystem::path& log);

}  // namespace remapd::files
