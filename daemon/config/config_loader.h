// From TOML text to a Config, or to the list of everything that is wrong with it.
//
// Unknown keys and sections, wrong types, values out of bounds, missing keys and contradictions are
// all problems, each with the place it stands at and, where one is near, the name that was probably
// meant. Nothing is read but the given text or file.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "daemon/config/config.h"
#include "daemon/config/problem.h"

namespace remapd::config {

// `overrides` are "key=value" (as of the command line), applied after the text, in order. A value
// that is not TOML is taken for a string. Problems of the text come by line.
tl::expected<Config, std::vector<Problem>> parse_config(
    std::string_view toml, std::string_view file_name, std::span<const std::string> overrides = {});

// kConfig with one line for each problem; kNotFound or kIo when the file cannot be read.
Result<Config> load_config(const std::filesystem::path& path,
                           std::span<const std::string> overrides = {});

}  // namespace remapd::config
