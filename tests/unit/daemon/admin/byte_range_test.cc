#include "daemon/admin/byte_range.h"

#include <gtest/gtest.h>

namespace remapd::admin {
namespace {

TEST(ParseRange, FirstToLast) {
  const auto asked = parse_range("bytes=2-5", 10);
  EXPECT_EQ(asked.kind, RangeKind::kPart);
  EXPECT_EQ(asked.range.first, 2U);
  EXPECT_EQ(asked.range.size, 4U);
  EXPECT_EQ(parse_range("bytes=2-99", 10).range.size, 8U);
  EXPECT_EQ(parse_range("bytes=2-", 10).range.size, 8U);
  EXPECT_EQ(parse_range("bytes=9-9", 10).range.size, 1U);
}

TEST(ParseRange, TheLastSoMany) {
  EXPECT_EQ(parse_range("bytes=-3", 10).range.first, 7U);
  EXPECT_EQ(parse_range("bytes=-99", 10).range.size, 10U);
}

TEST(ParseRange, BeyondTheEnd) {
  for (const char* header : {"bytes=10-", "bytes=10-20", "bytes=-0"}) {
    EXPECT_EQ(parse_range(header, 10).kind, RangeKind::kUnsatisfiable) << header;
  }
  EXPECT_EQ(parse_range("bytes=0-", 0).kind, RangeKind::kUnsatisfiable);
  EXPECT_EQ(parse_range("bytes=-5", 0).kind, RangeKind::kUnsatisfiable);
}

TEST(ParseRange, WhatIsNotUnderstoodIsTheWhole) {
  for (const char* header : {"", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1-2,4-5",
                             "items=1-2", "bytes=18446744073709551616-", "bytes= 1-2"}) {
    EXPECT_EQ(parse_range(header, 10).kind, RangeKind::kWhole) << header;
  }
}

}  // namespace
}  // namespace remapd::admin
