// What a command has found out about one thing, for people and for scripts at once: each fact has a
// label and a text, and a key and a JSON value.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace remapd::cli {

class Facts {
 public:
  void add(std::string_view key, nlohmann::ordered_json value, std::string_view label,
           std::string text) {
    json_[std::string(key)] = std::move(value);
    lines_.emplace_back(label, std::move(text));
  }
  // For scripts alone.
  void add_json(std::string_view key, nlohmann::ordered_json value) {
    json_[std::string(key)] = std::move(value);
  }
  // For people alone.
  void add_text(std::string_view label, std::string text) {
    lines_.emplace_back(label, std::move(text));
  }

  const nlohmann::ordered_json& json() const { return json_; }
  // "label  text" lines with aligned texts, each ending in '\n'.
  std::string text() const;

 private:
  nlohmann::ordered_json json_ = nlohmann::ordered_json::object();
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace remapd::cli
