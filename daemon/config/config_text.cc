#include "daemon/config/config_text.h"

#include <sstream>

#include "daemon/config/config_schema.h"

namespace remapd::config {
namespace {

constexpr std::size_t kWidth = 100;

// `text` as comment lines no wider than the file.
std::string comment(const std::string& text) {
  std::string out;
  std::string line = "#";
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = "#";
    }
    line += " " + word;
  }
  return out + line + "\n";
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

// "A duration such as ..., "0s" to "24h", unit samples. Default: ... Applied on reload."
template <class Owner>
std::string terms(const Key<Owner>& key) {
  std::string out = capitalised(key.info.type);
  if (!key.info.bounds.empty()) out += "; " + key.info.bounds;
  if (!key.info.unit.empty()) out += "; unit: " + key.info.unit;
  out += key.info.required ? ". Required." : ". Default: " + key.write(Owner{}) + ".";
  if (key.info.reload == Reload::kLive) out += " Applied on reload.";
  return out;
}

template <class Owner>
std::string assignment(const Key<Owner>& key, const Owner& owner) {
  return key.info.name + " = " + key.write(owner) + "\n";
}

template <class Owner>
std::string documented(const std::vector<Key<Owner>>& keys, const Owner& owner) {
  std::string out;
  for (const Key<Owner>& key : keys) {
    out += "\n" + comment(key.info.meaning) + comment(terms(key)) + assignment(key, owner);
  }
  return out;
}

template <class Owner>
std::string plain(const std::vector<Key<Owner>>& keys, const Owner& owner) {
  std::string out;
  for (const Key<Owner>& key : keys) out += assignment(key, owner);
  return out;
}

// The keys whose values are not the defaults.
template <class Owner>
std::string plain_changed(const std::vector<Key<Owner>>& keys, const Owner& owner) {
  std::string out;
  for (const Key<Owner>& key : keys) {
    if (key.write(owner) != key.write(Owner{})) out += assignment(key, owner);
  }
  return out;
}

std::string header(const std::string& path) {
  return "[" + path + "]\n";
}
std::string array_header(const std::string& path) {
  return "[[" + path + "]]\n";
}

template <class Entry>
std::string documented_array(const ArraySection<Entry>& section, Config& config) {
  std::string out = "\n" + comment(section.meaning);
  const std::vector<Entry>& entries = section.member(config);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    out += (i == 0 ? "" : "\n") + array_header(section.path);
    out += i == 0 ? documented(section.keys, entries[i]) : plain_changed(section.keys, entries[i]);
  }
  return out;
}

// Sections below this one stand right after it; arrays stand before [publish].
bool belongs_to(const PropertySection& properties, const Section& section) {
  return properties.path.substr(0, properties.path.rfind('.')) == section.path;
}

// Properties may hold any key; it is written quoted.
std::string property_lines(const Properties& properties) {
  std::string out;
  for (const auto& [name, value] : properties)
    out += string_literal(name) + " = " + string_literal(value) + "\n";
  return out;
}

constexpr std::string_view kBeforeArrays = "learning";

template <class Entry>
std::string plain_array(const ArraySection<Entry>& section, Config& config) {
  std::string out;
  for (const Entry& entry : section.member(config)) {
    out += "\n" + array_header(section.path) + plain(section.keys, entry);
  }
  return out;
}

// Every key with its value, one line each, for comparing.
template <class Owner>
void list_values(const std::string& path, const std::vector<Key<Owner>>& keys, const Owner& owner,
                 std::map<std::string, std::pair<std::string, Reload>>& out) {
  for (const Key<Owner>& key : keys) {
    out[path + "." + key.info.name] = {key.write(owner), key.info.reload};
  }
}

std::map<std::string, std::pair<std::string, Reload>> all_values(Config config) {
  const ConfigSchema& schema = config_schema();
  std::map<std::string, std::pair<std::string, Reload>> out;
  for (const Section& section : schema.sections) {
    list_values(section.path, section.keys, config, out);
  }
  for (const PropertySection& section : schema.properties) {
    out[section.path] = {property_lines(section.member(config)), Reload::kRestart};
  }
  const auto list_array = [&](const auto& section) {
    const auto& entries = section.member(config);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      list_values(section.path + "[" + std::to_string(i) + "]", section.keys, entries[i], out);
    }
  };
  list_array(schema.table);
  list_array(schema.feature);
  return out;
}

}  // namespace

Config reference_config() {
  Config config;
  const auto add = [&](std::string name, std::uint32_t rows, std::uint64_t max_tracked_ids) {
    pipeline::TableConfig table;
    table.name = name;
    table.rows = rows;
    table.max_tracked_ids = max_tracked_ids;
    config.tables.push_back(table);
    config.features.push_back({name, name});
  };
  const std::uint64_t tracked = pipeline::TableConfig{}.max_tracked_ids;
  add("user", 20'000, tracked);
  add("item", 10'000, tracked);
  add("category", 100, 10'000);
  return config;
}

std::string reference_text() {
  const ConfigSchema& schema = config_schema();
  Config config = reference_config();
  std::string out =
      comment(
          "remapd: every key with its default, meaning and bounds. Written by \"remapd "
          "check-config --print-default\"; a test keeps it equal to the code.") +
      "#\n" +
      comment(
          "Relative paths are relative to the working directory (under systemd: the unit's "
          "state directory). Check a changed file with \"remapd check-config --config FILE\".");
  for (const Section& section : schema.sections) {
    out += "\n" + comment(section.meaning) + header(section.path);
    out += documented(section.keys, config);
    for (const PropertySection& properties : schema.properties) {
      if (!belongs_to(properties, section)) continue;
      out += "\n" + comment(properties.meaning) + header(properties.path);
      for (const std::string& example : properties.examples) out += "# " + example + "\n";
    }
    if (section.path == kBeforeArrays) {
      out += documented_array(schema.table, config) + documented_array(schema.feature, config);
    }
  }
  return out;
}

std::string to_toml(const Config& from) {
  const ConfigSchema& schema = config_schema();
  Config config = from;
  std::string out;
  for (const Section& section : schema.sections) {
    out += (out.empty() ? "" : "\n") + header(section.path) + plain(section.keys, config);
    for (const PropertySection& properties : schema.properties) {
      const std::string lines = property_lines(properties.member(config));
      if (!belongs_to(properties, section) || lines.empty()) continue;
      out += "\n" + header(properties.path) + lines;
    }
    if (section.path == kBeforeArrays) {
      out += plain_array(schema.table, config) + plain_array(schema.feature, config);
    }
  }
  return out;
}

std::vector<Change> changes(const Config& from, const Config& to) {
  const auto before = all_values(from);
  const auto after = all_values(to);
  std::vector<Change> out;
  for (const auto& [key, value] : before) {
    const auto now = after.find(key);
    if (now == after.end() || now->second.first != value.first) out.push_back({key, value.second});
  }
  for (const auto& [key, value] : after) {
    if (!before.contains(key)) out.push_back({key, value.second});
  }
  return out;
}

}  // namespace remapd::config
