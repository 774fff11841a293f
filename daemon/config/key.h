// A configuration key: its name, what a person must know about it, and how it is read into and
// written from the struct that holds it.
//
// The makers below (integer(), duration(), ...) derive type and bounds as shown to people from what
// is enforced, and the default from a default-constructed owner, so that neither can drift from the
// code.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "core/base/result.h"
#include "daemon/config/literal.h"
#include "daemon/config/units.h"

namespace remapd::config {

enum class Reload : std::uint8_t {
  kRestart,  // takes effect when the daemon starts
  kLive,     // also on reload (SIGHUP)
};

struct KeyInfo {
  std::string name;  // inside its section
  std::string type;
  std::string unit;    // empty: none
  std::string bounds;  // empty: any value of the type
  std::string meaning;
  Reload reload = Reload::kRestart;
  bool required = false;
};

template <class Owner>
struct Key {
  KeyInfo info;
  // kConfig, saying what the value must be; the caller adds where it stands.
  std::function<Result<void>(const toml::node&, Owner&)> read;
  // The value as a TOML literal.
  std::function<std::string(const Owner&)> write;

  Key live() && {
    info.reload = Reload::kLive;
    return std::move(*this);
  }
  Key required() && {
    info.required = true;
    return std::move(*this);
  }
};

// A value as a TOML basic string.
std::string string_literal(std::string_view text);
std::string list_literal(const std::vector<Literal>& values);
// "an integer", "a string", ...: what a node is.
std::string describe(const toml::node& node);
// The shortest decimal form that reads back as the same number, with a point or an exponent.
std::string number_literal(double value);

inline tl::unexpected<Error> expected(const KeyInfo& info, const toml::node& node) {
  return fail(ErrorCode::kConfig, "must be " + info.type + ", not " + describe(node));
}

inline tl::unexpected<Error> out_of_bounds(const KeyInfo& info, const std::string& value) {
  return fail(ErrorCode::kConfig, "is " + value + ", must be " + info.bounds);
}

// In the makers, Member is a generic lambda that gives the member of an owner, const or not.
struct Words {
  std::string_view name;
  std::string_view unit;
  std::string_view meaning;
};

inline KeyInfo make_info(const Words& words, std::string type, std::string bounds) {
  return {.name = std::string(words.name),
          .type = std::move(type),
          .unit = std::string(words.unit),
          .bounds = std::move(bounds),
          .meaning = std::string(words.meaning)};
}

// A list of strings, none of them empty.
template <class Owner, class Member>
Key<Owner> texts(const Words& words, Member member) {
  const KeyInfo info = make_info(words, "a list of strings", "");
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            const auto* array = node.as_array();
            if (array == nullptr) return expected(info, node);
            std::vector<std::string> values;
            for (const toml::node& element : *array) {
              const auto text = element.value_exact<std::string>();
              if (!text || text->empty()) {
                return fail(ErrorCode::kConfig,
                            "must be a list of strings that are not empty; it "
                            "holds " +
                                describe(element));
              }
              values.push_back(*text);
            }
            member(owner) = std::move(values);
            return {};
          },
          .write =
              [=](const Owner& owner) {
                const auto& values = member(owner);
                return list_literal({values.begin(), values.end()});
              }};
}

template <class Owner, class Member>
Key<Owner> integer(const Words& words, Member member, std::uint64_t low, std::uint64_t high) {
  using T = std::remove_reference_t<decltype(member(std::declval<Owner&>()))>;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  high = std::min(high, kMax);
  const std::string bounds = high == kMax ? "at least " + std::to_string(low)
                                          : std::to_string(low) + " to " + std::to_string(high);
  const KeyInfo info = make_info(words, "a whole number", bounds);
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            const auto value = node.value_exact<std::int64_t>();
            if (!value) return expected(info, node);
            if (*value < 0 || static_cast<std::uint64_t>(*value) < low ||
                static_cast<std::uint64_t>(*value) > high) {
              return out_of_bounds(info, std::to_string(*value));
            }
            member(owner) = static_cast<T>(*value);
            return {};
          },
          .write = [=](const Owner& owner) { return std::to_string(member(owner)); }};
}

template <class Owner, class Member>
Key<Owner> number(const Words& words, Member member, double low, double high) {
  const KeyInfo info =
      make_info(words, "a number", number_literal(low) + " to " + number_literal(high));
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            if (!node.is_number()) return expected(info, node);
            const double value = node.value_or(0.0);
            if (!(value >= low && value <= high)) {
              return out_of_bounds(info, number_literal(value));
            }
            member(owner) = value;
            return {};
          },
          .write = [=](const Owner& owner) { return number_literal(member(owner)); }};
}

// A number, or a word that stands for one outside the bounds.
template <class Owner, class Member>
Key<Owner> number_or_word(const Words& words, Member member, double low, double high,
                          std::string_view word, double meant) {
  const std::string text(word);
  const KeyInfo info =
      make_info(words, "a number or \"" + text + "\"",
                number_literal(low) + " to " + number_literal(high) + ", or \"" + text + "\"");
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            if (node.is_string() && node.value_or(std::string()) == text) {
              member(owner) = meant;
              return {};
            }
            if (!node.is_number()) return expected(info, node);
            const double value = node.value_or(0.0);
            if (!(value >= low && value <= high)) {
              return out_of_bounds(info, number_literal(value));
            }
            member(owner) = value;
            return {};
          },
          .write =
              [=](const Owner& owner) {
                return member(owner) == meant ? string_literal(text)
                                              : number_literal(member(owner));
              }};
}

// true, false or "auto".
template <class Owner, class Member>
Key<Owner> boolean_or_auto(const Words& words, Member member) {
  const KeyInfo info = make_info(words, "true, false or \"auto\"", "");
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            if (node.is_boolean()) {
              member(owner) = node.value<bool>();
            } else if (node.is_string() && node.value_or(std::string()) == "auto") {
              member(owner) = std::nullopt;
            } else {
              return expected(info, node);
            }
            return {};
          },
          .write = [=](const Owner& owner) -> std::string {
            const std::optional<bool>& value = member(owner);
            if (!value) return string_literal("auto");
            return *value ? "true" : "false";
          }};
}

enum class Empty : std::uint8_t { kRefused, kAllowed };

template <class Owner, class Member>
Key<Owner> text(const Words& words, Member member, Empty empty = Empty::kRefused) {
  const KeyInfo info = make_info(words, "a string", empty == Empty::kRefused ? "not empty" : "");
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            const auto value = node.value_exact<std::string>();
            if (!value) return expected(info, node);
            if (value->empty() && empty == Empty::kRefused) {
              return fail(ErrorCode::kConfig, "is empty, must not be");
            }
            member(owner) = *value;
            return {};
          },
          .write = [=](const Owner& owner) { return string_literal(member(owner)); }};
}

// A list of integers and strings.
template <class Owner, class Member>
Key<Owner> literals(const Words& words, Member member) {
  const KeyInfo info = make_info(words, "a list of integers and strings", "");
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            const auto* array = node.as_array();
            if (array == nullptr) return expected(info, node);
            std::vector<Literal> values;
            for (const toml::node& element : *array) {
              if (const auto text = element.value_exact<std::string>()) {
                values.emplace_back(*text);
              } else if (const auto integer = element.value_exact<std::int64_t>()) {
                values.emplace_back(*integer);
              } else {
                return fail(
                    ErrorCode::kConfig,
                    "must be a list of integers and strings; it holds " + describe(element));
              }
            }
            member(owner) = std::move(values);
            return {};
          },
          .write = [=](const Owner& owner) { return list_literal(member(owner)); }};
}

template <class Owner, class Member>
Key<Owner> duration(const Words& words, Member member, std::chrono::milliseconds low,
                    std::chrono::milliseconds high) {
  const KeyInfo info = make_info(
      words, "a duration such as \"500ms\", \"10s\", \"5m\" or \"1h\"",
      string_literal(format_duration(low)) + " to " + string_literal(format_duration(high)));
  return {
      .info = info,
      .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
        const auto literal = node.value_exact<std::string>();
        const auto value = literal ? parse_duration(*literal) : std::nullopt;
        if (!value) return expected(info, node);
        if (*value < low || *value > high) return out_of_bounds(info, string_literal(*literal));
        member(owner) = *value;
        return {};
      },
      .write = [=](const Owner& owner) { return string_literal(format_duration(member(owner))); }};
}

template <class Owner, class Member>
Key<Owner> size(const Words& words, Member member, std::uint64_t low, std::uint64_t high) {
  const KeyInfo info =
      make_info(words, "a size such as \"64KiB\", \"16MiB\" or \"1GiB\"",
                string_literal(format_size(low)) + " to " + string_literal(format_size(high)));
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            const auto literal = node.value_exact<std::string>();
            const auto value = literal ? parse_size(*literal) : std::nullopt;
            if (!value) return expected(info, node);
            if (*value < low || *value > high) return out_of_bounds(info, string_literal(*literal));
            member(owner) = *value;
            return {};
          },
          .write = [=](const Owner& owner) { return string_literal(format_size(member(owner))); }};
}

template <class T>
using Choices = std::vector<std::pair<T, std::string_view>>;

// What kConfig says about a string that is none of `choices`; defined apart to keep this short.
tl::unexpected<Error> not_a_choice(const std::string& value,
                                   const std::vector<std::string>& choices);

template <class Owner, class T, class Member>
Key<Owner> choice(const Words& words, Member member, Choices<T> choices) {
  std::vector<std::string> names;
  std::string listed;
  for (const auto& [value, name] : choices) {
    names.emplace_back(name);
    listed += (listed.empty() ? "" : " | ") + string_literal(name);
  }
  const KeyInfo info = make_info(words, "one of " + listed, "");
  return {.info = info,
          .read = [=](const toml::node& node, Owner& owner) -> Result<void> {
            const auto literal = node.value_exact<std::string>();
            if (!literal) return expected(info, node);
            for (const auto& [value, name] : choices) {
              if (name != *literal) continue;
              member(owner) = value;
              return {};
            }
            return not_a_choice(*literal, names);
          },
          .write =
              [=](const Owner& owner) {
                for (const auto& [value, name] : choices) {
                  if (value == member(owner)) return string_literal(name);
                }
                return string_literal("unknown");
              }};
}

}  // namespace remapd::config
