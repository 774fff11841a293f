#include "core/fields/label_rule.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/fields/text.h"

namespace remapd::fields {
namespace {

bool is_one_of(std::string_view text, const std::array<std::string_view, 3>& spellings) {
  return std::find(spellings.begin(), spellings.end(), text) != spellings.end();
}

}  // namespace

std::optional<float> label_of_number(double value) {
  if (std::isnan(value)) return kNoLabel;
  if (!(value >= 0 && value <= 1)) return std::nullopt;
  return static_cast<float>(value);
}

std::optional<float> label_of_text(std::string_view text) {
  text = without_blanks(text);
  if (text.empty()) return kNoLabel;
  if (text.size() == 1 && (text[0] == '0' || text[0] == '1')) {
    return static_cast<float>(text[0] - '0');
  }
  if (is_one_of(text, {"true", "True", "TRUE"})) return 1.0F;
  if (is_one_of(text, {"false", "False", "FALSE"})) return 0.0F;
  const auto number = number_of_text(text);
  return number ? label_of_number(*number) : std::nullopt;
}

std::string label_refusal(std::string_view value) {
  std::string reason = "a label is a number from 0 to 1 or a boolean, not ";
  reason += excerpt(value);
  reason += "; label_true in [source.decode] says which values are 1";
  return reason;
}

std::optional<float> weight_of_number(double value) {
  if (std::isnan(value)) return kUsualWeight;
  const auto weight = static_cast<float>(value);
  if (!(value >= 0) || !std::isfinite(weight)) return std::nullopt;
  return weight;
}

std::optional<float> weight_of_text(std::string_view text) {
  if (without_blanks(text).empty()) return kUsualWeight;
  const auto number = number_of_text(text);
  return number ? weight_of_number(*number) : std::nullopt;
}

std::string weight_refusal(std::string_view value) {
  std::string reason = "a weight is a finite number of 0 or more, not ";
  reason += excerpt(value);
  return reason;
}

}  // namespace remapd::fields
