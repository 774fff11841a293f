#include "connectors/decode/field_path.h"

#include <utility>

#include <fmt/format.h>

namespace remapd::decode {
namespace {

constexpr std::string_view kSpecial = ".|[ \\";

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<FieldPath>> parse() {
    std::vector<FieldPath> alternatives;
    do {
      auto path = parse_path();
      if (!path) return fail(std::move(path).error());
      alternatives.push_back(std::move(*path));
    } while (take('|'));
    return alternatives;
  }

 private:
  Result<FieldPath> parse_path() {
    FieldPath path;
    skip_spaces();
    do {
      std::string name = parse_name();
      if (name.empty()) return wrong("has no name");
      path.push_back({std::move(name)});
      while (text_.substr(at_).starts_with("[]")) {
        at_ += 2;
        path.push_back({});
      }
    } while (take('.'));
    skip_spaces();
    if (at_ < text_.size() && text_[at_] != '|') return wrong("cannot be read");
    if (path.size() > kMaxPathSteps) {
      return fail(ErrorCode::kConfig, fmt::format("is a path of {} steps, must have at most {}",
                                                  path.size(), kMaxPathSteps));
    }
    return path;
  }

  std::string parse_name() {
    std::string name;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
      } else if (kSpecial.find(text_[at_]) != std::string_view::npos) {
        break;
      }
      name.push_back(text_[at_++]);
    }
    return name;
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  tl::unexpected<Error> wrong(std::string_view what) const {
    return fail(ErrorCode::kConfig,
                fmt::format("is \"{}\", which {} from character {} on: write names joined by dots, "
                            "[] after a list whose elements are meant, | between alternatives, and "
                            "\\ before such a character in a name",
                            text_.substr(0, 200), what, at_ + 1));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<FieldPath>> parse_field_path(std::string_view text) {
  return Parser(text).parse();
}

std::string path_of_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (kSpecial.find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string to_string(const FieldPath& path) {
  std::string out;
  for (const PathStep& step : path) {
    if (step.each()) {
      out += "[]";
    } else {
      out += (out.empty() ? "" : ".") + path_of_name(step.name);
    }
  }
  return out;
}

}  // namespace remapd::decode
