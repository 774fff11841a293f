// A Config as TOML: configs/remapd.toml, and what a running daemon was told.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/config/key.h"

namespace remapd::config {

// Every key with its meaning, type, unit, bounds and default, at its default value, and example
// tables: the text of configs/remapd.toml. It parses to reference_config().
std::string reference_text();
// The defaults with the example tables and features of reference_text().
Config reference_config();

// `config` without comments; parses to an equal one. Holds no secrets.
std::string to_toml(const Config& config);

// The keys whose values differ, by full name.
struct Change {
  std::string key;
  Reload reload;
};
std::vector<Change> changes(const Config& from, const Config& to);

}  // namespace remapd::config
