// Which of the names that exist a mistyped one was probably meant to be.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace remapd::config {

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment) that turn
// `a` into `b`. O(|a| |b|).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `names`, if it is near enough to be worth suggesting: at most a third of the
// longer name's length, at least 2, changed. The first of several equally near.
std::optional<std::string> closest_name(std::string_view name, std::span<const std::string> names);

}  // namespace remapd::config
