// The rules for labels and weights, the same in every format (docs/formats.md, "Labels" and
// "Weights").
//
//   label    a number of 0 .. 1, or a boolean (false 0, true 1); NaN as a float, null and empty
//            text: the sample has none. Anything else is refused: a label of 5 that was read as
//            "none" would leave only positives to learn from
//   weight   a finite number >= 0. 0: the sample is counted, and nothing is learned from it. NaN as
//            a float, null and empty text: 1
//
// Pure functions: thread safe.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace remapd::fields {

inline constexpr float kNoLabel = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kUsualWeight = 1.0F;

// kNoLabel for NaN; none: refused.
std::optional<float> label_of_number(double value);
// A number, "true" or "false" in lower or upper case or capitalised; blanks only: kNoLabel. None:
// refused; so is "nan".
std::optional<float> label_of_text(std::string_view text);
// Why `value`, as it was sent, is no label; to be prefixed by the name of its field.
std::string label_refusal(std::string_view value);

// kUsualWeight for NaN; none: refused.
std::optional<float> weight_of_number(double value);
std::optional<float> weight_of_text(std::string_view text);
std::string weight_refusal(std::string_view value);

}  // namespace remapd::fields
