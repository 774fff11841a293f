// The one table of all configuration keys. Parsing, validation, configs/remapd.toml and the list of
// what a reload applies are made from it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/config/key.h"

namespace remapd::config {

// [path] with fixed keys.
struct Section {
  std::string path;
  std::string meaning;
  std::vector<Key<Config>> keys;
};

// [path] whose keys are librdkafka's.
struct PropertySection {
  std::string path;
  std::string meaning;
  std::vector<std::string> examples;  // lines of TOML, shown commented out
  std::function<Properties&(Config&)> member;
  bool secrets_allowed = false;  // else a property that holds a secret is refused
};

// [[path]], once for each entry.
template <class Entry>
struct ArraySection {
  std::string path;
  std::string meaning;
  std::vector<Key<Entry>> keys;
  std::function<std::vector<Entry>&(Config&)> member;
};

struct ConfigSchema {
  std::vector<Section> sections;  // in the order of the file
  std::vector<PropertySection> properties;
  ArraySection<pipeline::TableConfig> table;
  ArraySection<Feature> feature;
};

const ConfigSchema& config_schema();

// Properties of librdkafka whose value is a secret.
bool is_secret_property(std::string_view name);

}  // namespace remapd::config
