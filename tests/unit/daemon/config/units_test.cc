#include "daemon/config/units.h"

#include <gtest/gtest.h>

namespace remapd::config {
namespace {

using namespace std::chrono_literals;

TEST(Duration, Parses) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Duration, RefusesWhatHasNoUnitOrIsNoNumber) {
  for (const char* text : {"", "10", "s", "-1s", "1.5s", "1 s", "1d", "1sec", " 1s", "1s ",
                           "99999999999999999999s", "4611686018427387904h"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, FormatsInTheLargestExactUnit) {
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(1ms), "1ms");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(7200s), "2h");
}

TEST(Size, Parses) {
  EXPECT_EQ(parse_size("100B"), 100U);
  EXPECT_EQ(parse_size("64KiB"), 65'536U);
  EXPECT_EQ(parse_size("16MiB"), 16U << 20);
  EXPECT_EQ(parse_size("1GiB"), 1U << 30);
}

TEST(Size, RefusesWhatIsAmbiguous) {
  for (const char* text : {"", "64", "64K", "64KB", "1.5MiB", "MiB", "99999999999GiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Size, FormatsInTheLargestExactUnit) {
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(1023), "1023B");
  EXPECT_EQ(format_size(1024), "1KiB");
  EXPECT_EQ(format_size(3U << 20), "3MiB");
}

TEST(Units, RoundTrip) {
  for (std::uint64_t value : {1ULL, 999ULL, 1000ULL, 4096ULL, 86'400'000ULL, 1ULL << 40}) {
    EXPECT_EQ(parse_size(format_size(value)), value);
    const std::chrono::milliseconds duration(value);
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
}

}  // namespace
}  // namespace remapd::config
