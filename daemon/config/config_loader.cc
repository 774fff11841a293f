#include "daemon/config/config_loader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "daemon/config/closest_name.h"
#include "daemon/config/config_checks.h"
#include "daemon/config/config_schema.h"

namespace remapd::config {
namespace {

std::string join(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : std::string(path) + "." + std::string(name);
}

// Fills a Config from TOML tables by the schema.
class Reader {
 public:
  Reader(Config& config, std::vector<Problem>& problems) : config_(config), problems_(problems) {}

  void read(const toml::table& root, std::string file_name) {
    file_ = std::move(file_name);
    read_table(root, "");
  }

  // Where a key (or section) stands; nowhere if it was not written.
  const Places& places() const { return places_; }

 private:
  void read_table(const toml::table& table, const std::string& path) {
    const Section* section = find_section(path);
    for (const auto& [key, node] : table) {
      const std::string full = join(path, key.str());
      places_[full] = {file_, key.source().begin.line, key.source().begin.column};
      if (const PropertySection* properties = find_properties(full)) {
        if (expect_table(node, full)) read_properties(*node.as_table(), "", *properties);
      } else if (full == schema_.table.path) {
        read_array(node, schema_.table);
      } else if (full == schema_.feature.path) {
        read_array(node, schema_.feature);
      } else if (is_section(full)) {
        if (expect_table(node, full)) read_table(*node.as_table(), full);
      } else if (section == nullptr || !read_key(section->keys, key.str(), node, full, config_)) {
        unknown(full, key.str(), path, node.is_table());
      }
    }
  }

  template <class Owner>
  bool read_key(const std::vector<Key<Owner>>& keys, std::string_view name, const toml::node& node,
                const std::string& full, Owner& owner) {
    for (const Key<Owner>& key : keys) {
      if (key.info.name != name) continue;
      if (auto ok = key.read(node, owner); !ok) report(full, std::move(ok).error().message);
      return true;
    }
    return false;
  }

  bool expect_table(const toml::node& node, const std::string& full) {
    if (node.is_table()) return true;
    report(full, "is a section: write [" + full + "] on a line of its own, and its keys below");
    return false;
  }

  template <class Entry>
  void read_array(const toml::node& node, const ArraySection<Entry>& section) {
    const auto* array = node.as_array();
    const bool tables = array != nullptr && std::all_of(array->begin(), array->end(),
                                                        [](const auto& e) { return e.is_table(); });
    if (!tables) {
      report(section.path, "may stand several times: write [[" + section.path + "]]");
      return;
    }
    for (const toml::node& element : *array) {
      std::vector<Entry>& entries = section.member(config_);
      const std::string path = section.path + "[" + std::to_string(entries.size()) + "]";
      places_[path] = {file_, element.source().begin.line, element.source().begin.column};
      entries.push_back(read_entry(*element.as_table(), section, path));
    }
  }

  template <class Entry>
  Entry read_entry(const toml::table& table, const ArraySection<Entry>& section,
                   const std::string& path) {
    Entry entry;
    for (const auto& [key, value] : table) {
      const std::string full = join(path, key.str());
      places_[full] = {file_, key.source().begin.line, key.source().begin.column};
      if (read_key(section.keys, key.str(), value, full, entry)) continue;
      report(full, "unknown key" + suggestion(key.str(), names_of(section.keys)));
    }
    for (const Key<Entry>& key : section.keys) {
      if (!key.info.required || table.contains(key.info.name)) continue;
      report(path,
             "has no " + key.info.name + ": add " + key.info.name + " = ..., " + key.info.type);
    }
    return entry;
  }

  // Dotted keys need no quotes: sasl.password = 1 is the same property as "sasl.password" = 1.
  void read_properties(const toml::table& table, const std::string& prefix,
                       const PropertySection& section) {
    for (const auto& [key, node] : table) {
      const std::string name = join(prefix, key.str());
      const std::string full = section.path + "." + name;
      places_[full] = {file_, key.source().begin.line, key.source().begin.column};
      if (const auto* nested = node.as_table()) {
        read_properties(*nested, name, section);
      } else if (is_secret_property(name) && !section.secrets_allowed) {
        report(full, "is a secret: put it into a file and name that file in [kafka.secret_files]");
      } else if (const auto value = property_value(node)) {
        section.member(config_)[name] = *value;
      } else {
        report(full, "must be a string, a number or a boolean, not " + describe(node));
      }
    }
  }

  static std::optional<std::string> property_value(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
    if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
    if (const auto* number = node.as_floating_point()) return number_literal(number->get());
    return std::nullopt;
  }

  template <class Owner>
  static std::vector<std::string> names_of(const std::vector<Key<Owner>>& keys) {
    std::vector<std::string> names;
    for (const Key<Owner>& key : keys) names.push_back(key.info.name);
    return names;
  }

  static std::string suggestion(std::string_view name, const std::vector<std::string>& names) {
    const auto closest = closest_name(name, names);
    return closest ? "; did you mean " + *closest + "?" : "";
  }

  void unknown(const std::string& full, std::string_view name, const std::string& path,
               bool is_table) {
    if (is_table) {
      report(full, "unknown section" + suggestion(full, all_sections()));
      return;
    }
    const Section* section = find_section(path);
    std::string hint = section ? suggestion(name, names_of(section->keys)) : "";
    for (const Section& other : schema_.sections) {
      if (!hint.empty()) break;
      const auto names = names_of(other.keys);
      if (std::find(names.begin(), names.end(), name) == names.end()) continue;
      hint = "; did you mean the one of [" + other.path + "]?";
    }
    if (hint.empty() && section != nullptr) {
      hint = "; [" + path + "] has";
      for (const Key<Config>& key : section->keys) {
        hint += (&key == section->keys.data() ? " " : ", ") + key.info.name;
      }
    }
    report(full, "unknown key" + hint);
  }

  std::vector<std::string> all_sections() const {
    std::vector<std::string> out{schema_.table.path, schema_.feature.path};
    for (const Section& section : schema_.sections) out.push_back(section.path);
    for (const PropertySection& section : schema_.properties) out.push_back(section.path);
    return out;
  }

  const Section* find_section(std::string_view path) const {
    for (const Section& section : schema_.sections) {
      if (section.path == path) return &section;
    }
    return nullptr;
  }

  const PropertySection* find_properties(std::string_view path) const {
    for (const PropertySection& section : schema_.properties) {
      if (section.path == path) return &section;
    }
    return nullptr;
  }

  bool is_section(std::string_view path) const {
    return find_section(path) != nullptr;  // every section's parent is a section too
  }

  void report(const std::string& key, std::string message) {
    const Place& place = places_[key];
    problems_.push_back({place.file, place.line, place.column, key, std::move(message)});
  }

  const ConfigSchema& schema_ = config_schema();
  Config& config_;
  std::vector<Problem>& problems_;
  std::string file_;
  Places places_;
};

Problem syntax_problem(const toml::parse_error& error, std::string_view file) {
  return {std::string(file), error.source().begin.line, error.source().begin.column, "",
          std::string(error.description())};
}

// "a.b=3" as the table that `a.b = 3` is, or with the value taken for a string.
toml::table parse_override(const std::string& text, const std::string& name) {
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (!value.empty()) {
    try {
      return toml::parse(key + " = " + value, name);
    } catch (const toml::parse_error&) {
      // Not a TOML value: a bare word or path, taken for a string below.
    }
  }
  return toml::parse(key + " = " + string_literal(value), name);
}

// The parser takes keys of any number of parts (a.b.c) and frees what it made of them by recursion:
// one of thousands would overflow the stack. The line (from 1) of such a key, 0 if there is none.
std::uint32_t line_of_endless_key(std::string_view toml) {
  constexpr std::size_t kMostParts = 64;
  std::uint32_t line = 1;
  std::size_t dots = 0;
  for (std::size_t at = 0; at < toml.size(); ++at) {
    const char c = toml[at];
    if (c == '"' || c == '\'') {  // a text: passed over as far as this line goes
      std::size_t end = at + 1;
      while (end < toml.size() && toml[end] != c && toml[end] != '\n') {
        end += c == '"' && toml[end] == '\\' && end + 1 < toml.size() ? 2 : 1;
      }
      if (end < toml.size() && toml[end] == c) at = end;
    } else if (c == '#') {
      at = std::min(toml.find('\n', at), toml.size()) - 1;
    } else if (c == '.') {
      if (++dots >= kMostParts) return line;
    } else if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) {
      dots = 0;
      line += c == '\n' ? 1 : 0;
    }
  }
  return 0;
}

}  // namespace

tl::expected<Config, std::vector<Problem>> parse_config(std::string_view toml,
                                                        std::string_view file_name,
                                                        std::span<const std::string> overrides) {
  Config config;
  std::vector<Problem> problems;
  if (const std::uint32_t line = line_of_endless_key(toml); line > 0) {
    problems.push_back({std::string(file_name), line, 1, "", "a key of more than 64 parts"});
    return tl::unexpected(std::move(problems));
  }
  Reader reader(config, problems);
  try {
    reader.read(toml::parse(toml, file_name), std::string(file_name));
  } catch (const toml::parse_error& error) {
    problems.push_back(syntax_problem(error, file_name));
    return tl::unexpected(std::move(problems));
  }
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  for (const std::string& text : overrides) {
    const std::string name = "--set " + text;
    try {
      reader.read(parse_override(text, name), name);
    } catch (const toml::parse_error& error) {
      problems.push_back({name, 0, 0, "", "write it as key=value"});
    }
  }
  if (problems.empty()) problems = check_config(config, reader.places(), std::string(file_name));
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return config;
}

Result<Config> load_config(const std::filesystem::path& path,
                           std::span<const std::string> overrides) {
  std::ifstream in(path, std::ios::binary);
  const int open_error = errno;
  std::error_code ignored;
  if (!in || std::filesystem::is_directory(path, ignored)) {
    const bool missing = open_error == ENOENT && !in;
    return fail(missing ? ErrorCode::kNotFound : ErrorCode::kIo,
                path.string() + ": cannot read the configuration: " +
                    (in ? "it is a directory" : std::strerror(open_error)));
  }
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  auto config = parse_config(text, path.string(), overrides);
  if (config) return std::move(*config);
  std::string message;
  for (const Problem& problem : config.error()) {
    message += (message.empty() ? "" : "\n") + to_string(problem);
  }
  return fail(ErrorCode::kConfig, std::move(message));
}

}  // namespace remapd::config
