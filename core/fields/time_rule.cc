#include "core/fields/time_rule.h"

#include <chrono>
#include <cmath>

#include "core/fields/text.h"

namespace remapd::fields {
namespace {

constexpr std::int64_t kSecondsBelow = 100'000'000'000;  // 10^11
constexpr std::int64_t kMillisecondsBelow = kSecondsBelow * 1'000;
constexpr std::int64_t kMicrosecondsBelow = kMillisecondsBelow * 1'000;

// Reads a text from left to right.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `count` digits.
  std::optional<int> number(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      const auto next = digit();
      if (!next) return std::nullopt;
      value = value * 10 + *next;
    }
    return value;
  }
  std::optional<int> digit() {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return std::nullopt;
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }

 private:
  std::string_view rest_;
};

// The digits after a decimal point as milliseconds; further digits are dropped.
std::optional<int> fraction_ms(Scanner& in) {
  int ms = 0;
  int digits = 0;
  for (; const auto digit = in.digit(); ++digits) {
    if (digits < 3) ms = ms * 10 + *digit;
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 3; ++digits) ms *= 10;
  return ms;
}

// Z, +hh:mm, +hhmm, +hh, or nothing, as minutes ahead of UTC.
std::optional<int> zone_minutes(Scanner& in) {
  if (in.done() || in.take('Z') || in.take('z')) return 0;
  const bool behind = in.take('-');
  if (!behind && !in.take('+')) return std::nullopt;
  const auto hours = in.number(2);
  if (!hours || *hours > 23) return std::nullopt;
  std::optional<int> minutes = 0;
  if (in.take(':') || !in.done()) minutes = in.number(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const int ahead = *hours * 60 + *minutes;
  return behind ? -ahead : ahead;
}

std::optional<std::chrono::sys_days> date(Scanner& in) {
  const auto year = in.number(4);
  if (!year || !in.take('-')) return std::nullopt;
  const auto month = in.number(2);
  if (!month || !in.take('-')) return std::nullopt;
  const auto day = in.number(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date};
}

// hh:mm[:ss[.fraction]], as milliseconds since midnight; a second of 60 is a leap second.
std::optional<std::int64_t> time_of_day(Scanner& in) {
  const auto hour = in.number(2);
  if (!hour || *hour > 23 || !in.take(':')) return std::nullopt;
  const auto minute = in.number(2);
  if (!minute || *minute > 59) return std::nullopt;
  std::optional<int> second = 0;
  std::optional<int> ms = 0;
  if (in.take(':')) {
    second = in.number(2);
    if (!second || *second > 60) return std::nullopt;
    if (in.take('.') || in.take(',')) ms = fraction_ms(in);
    if (!ms) return std::nullopt;
  }
  return ((*hour * 60 + *minute) * 60 + *second) * std::int64_t{1'000} + *ms;
}

std::optional<std::int64_t> iso_8601(std::string_view text) {
  Scanner in(text);
  const auto day = date(in);
  if (!day) return std::nullopt;
  const std::int64_t midnight =
      std::chrono::duration_cast<std::chrono::milliseconds>(day->time_since_epoch()).count();
  if (in.done()) return midnight;
  if (!in.take('T') && !in.take('t') && !in.take(' ')) return std::nullopt;
  const auto since_midnight = time_of_day(in);
  if (!since_midnight) return std::nullopt;
  const auto ahead = zone_minutes(in);
  if (!ahead || !in.done()) return std::nullopt;
  return midnight + *since_midnight - *ahead * std::int64_t{60'000};
}

}  // namespace

std::int64_t time_ms_of_integer(std::int64_t value) {
  const auto within = [&](std::int64_t bound) { return value < bound && value > -bound; };
  if (within(kSecondsBelow)) return value * 1'000;
  if (within(kMillisecondsBelow)) return value;
  if (within(kMicrosecondsBelow)) return value / 1'000;
  return value / 1'000'000;
}

std::optional<std::int64_t> time_ms_of_number(double value) {
  constexpr double kMost = 9.2e18;  // below 2^63
  if (!(std::abs(value) <= kMost)) return std::nullopt;
  const auto within = [&](std::int64_t bound) {
    return std::abs(value) < static_cast<double>(bound);
  };
  if (within(kSecondsBelow)) return std::llround(value * 1e3);
  if (within(kMillisecondsBelow)) return std::llround(value);
  if (within(kMicrosecondsBelow)) return std::llround(value / 1e3);
  return std::llround(value / 1e6);
}

std::optional<std::int64_t> time_ms_of_text(std::string_view text) {
  text = without_blanks(text);
  if (text.empty()) return 0;
  if (const auto integer = integer_of_text(text)) return time_ms_of_integer(*integer);
  if (const auto number = number_of_text(text)) return time_ms_of_number(*number);
  return iso_8601(text);
}

std::string time_refusal(std::string_view value) {
  std::string reason =
      "a time is a number (seconds to nanoseconds since 1970, told apart by size) or ISO 8601 such "
      "as 2023-07-22T04:26:40Z, not ";
  reason += excerpt(value);
  return reason;
}

}  // namespace remapd::fields
