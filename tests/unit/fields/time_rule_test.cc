#include "core/fields/time_rule.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::fields {
namespace {

constexpr std::int64_t kMoment = 1'690'000'000'123;  // 2023-07-22T04:26:40.123Z

TEST(TimeRule, TheUnitIsToldByTheSize) {
  EXPECT_EQ(time_ms_of_integer(1'690'000'000), 1'690'000'000'000);
  EXPECT_EQ(time_ms_of_integer(kMoment), kMoment);
  EXPECT_EQ(time_ms_of_integer(kMoment * 1'000 + 7), kMoment);
  EXPECT_EQ(time_ms_of_integer(kMoment * 1'000'000 + 7), kMoment);
  EXPECT_EQ(time_ms_of_integer(0), 0);
  EXPECT_EQ(time_ms_of_integer(-86'400), -86'400'000);
  EXPECT_EQ(time_ms_of_integer(99'999'999'999), 99'999'999'999'000) << "the year 5138";
  EXPECT_EQ(time_ms_of_integer(100'000'000'000), 100'000'000'000) << "1973";
  EXPECT_EQ(time_ms_of_integer(std::numeric_limits<std::int64_t>::max()), 9'223'372'036'854);
  EXPECT_EQ(time_ms_of_integer(std::numeric_limits<std::int64_t>::min()), -9'223'372'036'854);
}

TEST(TimeRule, FractionsAreKept) {
  EXPECT_EQ(time_ms_of_number(1'690'000'000.123), kMoment);
  EXPECT_EQ(time_ms_of_number(1'690'000'000'123.4), kMoment);
  EXPECT_EQ(time_ms_of_text("1690000000.123"), kMoment);
  EXPECT_EQ(time_ms_of_text("1.690000000123e18"), kMoment);
  EXPECT_EQ(time_ms_of_text("1234567890.0"), 1'234'567'890'000);
}

TEST(TimeRule, Iso8601) {
  for (const char* text :
       {"2023-07-22T04:26:40.123Z", "2023-07-22 04:26:40.123", "2023-07-22T04:26:40,1234567z",
        "2023-07-22T06:26:40.123+02:00", "2023-07-22T06:26:40.123+0200",
        "2023-07-22t06:26:40.123+02", " 2023-07-21T23:56:40.123-04:30\r"}) {
    EXPECT_EQ(time_ms_of_text(text), kMoment) << text;
  }
  EXPECT_EQ(time_ms_of_text("2023-07-22T04:26"), 1'689'999'960'000);
  EXPECT_EQ(time_ms_of_text("2023-07-22"), 1'689'984'000'000);
  EXPECT_EQ(time_ms_of_text("1970-01-01T00:00:00.5Z"), 500);
  EXPECT_EQ(time_ms_of_text("2016-12-31T23:59:60Z"), 1'483'228'800'000) << "a leap second";
}

TEST(TimeRule, NothingIsUnknown) {
  EXPECT_EQ(time_ms_of_text(""), 0);
  EXPECT_EQ(time_ms_of_text("  "), 0);
}

TEST(TimeRule, AnythingElseIsRefused) {
  for (const double value : {std::nan(""), HUGE_VAL, 1e19, -1e19}) {
    EXPECT_EQ(time_ms_of_number(value), std::nullopt) << value;
  }
  for (const char* text :
       {"yesterday", "2023-13-01", "2023-02-29", "2023-07-22T", "2023-07-22T25:00", "2023-7-22",
        "2023-07-22T04:26:40.", "2023-07-22T04:26:40+25:00", "2023-07-22T04:26:40ZZ", "22/07/2023",
        "2023-07-22T04:26:61", "nan", "1e30", "2023-07-22T04:26:40+2"}) {
    EXPECT_EQ(time_ms_of_text(text), std::nullopt) << text;
  }
  EXPECT_THAT(time_refusal("yesterday"), testing::HasSubstr("not yesterday"));
}

}  // namespace
}  // namespace remapd::fields
