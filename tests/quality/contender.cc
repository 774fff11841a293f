#include "tests/quality/contender.h"

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>

namespace remapd::quality {
namespace {

constexpr std::array kStrategies{mapping::Strategy::kHash, mapping::Strategy::kDoubleHash,
                                 mapping::Strategy::kFrequency, mapping::Strategy::kEmbedding,
                                 mapping::Strategy::kCombined};

std::string known_names() {
  std::string names = "full, louvain";
  for (const mapping::Strategy strategy : kStrategies) {
    names += ", ";
    names += to_string(strategy);
  }
  return names;
}

std::optional<Contender> parse_one(const std::string& name) {
  if (name == "full") return Contender{name, Contender::Kind::kFull};
  if (name == "louvain") return Contender{name, Contender::Kind::kLouvain};
  if (const auto strategy = mapping::parse_strategy(name)) {
    return Contender{name, Contender::Kind::kMapped, *strategy};
  }
  return std::nullopt;
}

// Smaller runs earlier.
int turn(const Contender& contender) {
  return contender.name == "full" ? 0 : contender.name == "hash" ? 1 : 2;
}

}  // namespace

Result<std::vector<Contender>> parse_contenders(std::string_view list) {
  std::vector<Contender> contenders;
  std::istringstream names{std::string(list)};
  for (std::string name; std::getline(names, name, ',');) {
    const auto contender = parse_one(name);
    if (!contender) {
      return fail(ErrorCode::kInvalidArgument,
                  "--strategies: \"" + name + "\" is not one of " + known_names());
    }
    if (std::ranges::find(contenders, name, &Contender::name) == contenders.end()) {
      contenders.push_back(*contender);
    }
  }
  if (contenders.empty()) {
    return fail(ErrorCode::kInvalidArgument, "--strategies names none of " + known_names());
  }
  std::ranges::stable_sort(contenders, {}, turn);
  return contenders;
}

}  // namespace remapd::quality
