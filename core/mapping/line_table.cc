#include "core/mapping/line_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace remapd::mapping {

using namespace format;  // NOLINT(google-build-using-namespace): this file implements the format

Id LineTable::exception_id(std::uint64_t i) const {
  Id id;
  std::memcpy(&id, line(shape_.lines) + i * sizeof(Id), sizeof(Id));
  return id;
}

Row LineTable::exception_row(std::uint64_t i) const {
  Row row;
  std::memcpy(&row, line(shape_.lines) + shape_.exceptions * sizeof(Id) + i * sizeof(Row),
              sizeof(Row));
  return row;
}

std::optional<Row> LineTable::find_exception(Id id) const {
  std::uint64_t low = 0;
  std::uint64_t high = shape_.exceptions;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (exception_id(middle) < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == shape_.exceptions || exception_id(low) != id) return std::nullopt;
  return exception_row(low);
}

// In line `index`, or as long as lines send lookups on, in those behind it.
template <class Line>
[[gnu::always_inline]] inline bool LineTable::find_from(std::uint32_t index, const Line& access,
                                                        Row& row) const {
  for (; index < shape_.lines; ++index) {
    const std::byte* at = line(index);
    if (const int i = access.find(at); i >= 0) {
      row = access.row(at, i);
      return true;
    }
    if ((flags(at) & kOverflow) == 0) return false;
  }
  return false;
}

std::optional<Row> LineTable::find(Id id) const {
  const std::uint64_t hash = mix64(id);
  const std::uint32_t home = reduce(hash, shape_.home_lines);
  std::optional<Row> found;
  if ((flags(line(home)) & kExceptions) != 0) found = find_exception(id);
  if (!found) {
    with_line(shape_.layout, [&]<class Line>() {
      Row row;
      if (find_from(home, Line(hash, shape_.row_bits), row)) found = row;
    });
  }
  return found && found->value < rows_ ? found : std::nullopt;
}

// Ids that a line sends on wait until the next one has come, too.
template <class Line, class FallbackRow>
void LineTable::find_in_lines(std::span<const Id> ids, const FallbackRow& fallback_row,
                              std::span<Row> out) const {
  // As many lines are on their way as one core can wait for.
  constexpr std::size_t kAhead = 32;
  constexpr std::size_t kSentOn = 32;
  struct SentOn {
    std::size_t id;
    std::uint32_t line;
  };
  std::array<std::uint64_t, kAhead> hashes;
  std::array<SentOn, kSentOn> sent_on;
  std::size_t waiting = 0;
  const std::size_t n = ids.size();
  const auto fetch = [&](std::size_t i) {
    const std::uint64_t hash = mix64(ids[i]);
    hashes[i % kAhead] = hash;
    __builtin_prefetch(line(reduce(hash, shape_.home_lines)));
  };
  const auto look = [&](std::size_t i, std::uint64_t hash, std::uint32_t index) {
    const std::byte* at = line(index);
    const std::uint32_t f = flags(at);
    const Line access(hash, shape_.row_bits);
    const int entry = access.find(at);
    if (entry < 0 && (f & kOverflow) != 0 && index + 1 < shape_.lines) {
      __builtin_prefetch(at + kLineBytes);
      sent_on[waiting++] = {i, index + 1};
      return;
    }
    const Row row = entry < 0 ? kNoRow : access.row(at, entry);
    out[i] = row.value < rows_ ? row : fallback_row(ids[i]);
  };
  const auto look_further = [&] {
    for (std::size_t k = 0, count = std::exchange(waiting, 0); k < count; ++k) {
      const SentOn next = sent_on[k];
      look(next.id, mix64(ids[next.id]), next.line);
    }
  };
  for (std::size_t i = 0; i < std::min(kAhead, n); ++i) fetch(i);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t hash = hashes[i % kAhead];
    if (i + kAhead < n) fetch(i + kAhead);
    const std::uint32_t home = reduce(hash, shape_.home_lines);
    if ((flags(line(home)) & kExceptions) != 0) [[unlikely]] {
      out[i] = find(ids[i]).value_or(fallback_row(ids[i]));
    } else {
      look(i, hash, home);
    }
    while (waiting == kSentOn) look_further();
  }
  while (waiting > 0) look_further();
}

template <class FallbackRow>
void LineTable::find_or(std::span<const Id> ids, const FallbackRow& fallback_row,
                        std::span<Row> out) const {
  with_line(shape_.layout, [&]<class Line>() { find_in_lines<Line>(ids, fallback_row, out); });
}

void LineTable::find(std::span<const Id> ids, std::span<Row> out) const {
  const auto no_row = [](Id) { return kNoRow; };
  find_or(ids, no_row, out);
}

void LineTable::lookup(std::span<const Id> ids, const Fallback& fallback,
                       std::span<Row> out) const {
  const auto fallback_row = [&](Id id) { return fallback.row(id); };
  find_or(ids, fallback_row, out);
}

}  // namespace remapd::mapping
