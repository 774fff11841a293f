#include "connectors/files/log_paths.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>

#include <glob.h>

#include "connectors/files/durable_file.h"

namespace remapd::files {
namespace {

namespace fs = std::filesystem;

// Of a job that wrote the directory (_SUCCESS, .crc), or of an editor.
bool is_hidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with('.') || name.starts_with('_');
}

Result<void> add_files_below(const fs::path& directory, std::vector<fs::path>& files) {
  std::error_code error;
  fs::recursive_directory_iterator at(directory, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (is_hidden(at->path())) {
      if (at->is_directory(ignored)) at.disable_recursion_pending();
    } else if (!at->is_directory(ignored)) {
      files.push_back(at->path());
    }
  }
  if (error) return fail(system_error(directory, "read", error.value()));
  return {};
}

std::vector<fs::path> matches(const std::string& pattern) {
  glob_t found{};
  const std::unique_ptr<glob_t, void (*)(glob_t*)> guard(&found, ::globfree);
  std::vector<fs::path> paths;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) != 0) return paths;
  for (std::size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  return paths;
}

}  // namespace

Result<std::vector<fs::path>> log_paths(const fs::path& log) {
  std::error_code ignored;
  const std::string text = log.string();
  std::vector<fs::path> named{log};
  if (!fs::exists(log, ignored) && text.find_first_of("*?[") != std::string::npos) {
    named = matches(text);
    if (named.empty()) return fail(ErrorCode::kNotFound, text + ": no file is named so");
  }
  std::vector<fs::path> files;
  for (const fs::path& path : named) {
    if (!fs::is_directory(path, ignored)) {
      files.push_back(path);
    } else if (auto added = add_files_below(path, files); !added) {
      return fail(std::move(added).error());
    }
  }
  if (files.empty()) {
    return fail(ErrorCode::kNotFound,
                text +
                    ": there is no log in this directory (names that begin with '.' or '_' are "
                    "passed over)");
  }
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return ::strverscmp(a.c_str(), b.c_str()) < 0;
  });
  return files;
}

}  // namespace remapd::files
