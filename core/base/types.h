// Types of the domain: ids, rows, versions, epochs, and the indexes of features and tables within a
// process.
//
// Id: the 64 bits of an id (core/fields/id_rule.h). Row: an index into an embedding table. Version:
// strictly increasing for each table from 1; 0 means none. Epoch: numbers the instances that
// publish a table; only the one with the highest epoch may publish.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>

namespace remapd {

using Id = std::uint64_t;

// An integer that does not mix with others of the same representation. Trivially copyable, so an
// array of Strong<..> has the layout of an array of its representation.
template <class Tag, class Rep>
struct Strong {
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  friend constexpr auto operator<=>(Strong, Strong) = default;
};

using Row = Strong<struct RowTag, std::uint32_t>;
using FeatureIndex = Strong<struct FeatureIndexTag, std::uint32_t>;
using TableIndex = Strong<struct TableIndexTag, std::uint32_t>;
using Version = Strong<struct VersionTag, std::uint64_t>;
using Epoch = Strong<struct EpochTag, std::uint64_t>;

// No row, or no second row. Never a valid row: tables have at most 2^32 - 2 rows.
inline constexpr Row kNoRow{std::numeric_limits<std::uint32_t>::max()};
inline constexpr Version kNoVersion{0};

}  // namespace remapd

template <class Tag, class Rep>
struct std::hash<remapd::Strong<Tag, Rep>> {
  std::size_t operator()(remapd::Strong<Tag, Rep> s) const noexcept {
    return std::hash<Rep>{}(s.value);
  }
};
