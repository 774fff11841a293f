#include "daemon/cli/format.h"

#include <gtest/gtest.h>

namespace remapd::cli {
namespace {

TEST(Format, Counts) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(~0ULL), "18,446,744,073,709,551,615");
  EXPECT_EQ(count_of(1, "id"), "1 id");
  EXPECT_EQ(count_of(0, "id"), "0 ids");
  EXPECT_EQ(count_of(1200, "id"), "1,200 ids");
}

TEST(Format, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes(3ULL << 30), "3.0 GiB");
  EXPECT_EQ(format_bytes(~0ULL), "16384.0 PiB");
}

TEST(Format, Shares) {
  EXPECT_EQ(format_share(0), "0.0 %");
  EXPECT_EQ(format_share(0.1234), "12.3 %");
  EXPECT_EQ(format_share(1), "100.0 %");
}

TEST(Format, Durations) {
  EXPECT_EQ(format_seconds(0.0124), "12 ms");
  EXPECT_EQ(format_seconds(0.9996), "1.0 s");
  EXPECT_EQ(format_seconds(59.94), "59.9 s");
  EXPECT_EQ(format_seconds(59.96), "1 min 0 s");
  EXPECT_EQ(format_seconds(125), "2 min 5 s");
  EXPECT_EQ(format_seconds(3725), "1 h 2 min");
}

TEST(Format, Times) {
  EXPECT_EQ(format_time(0), "unknown");
  EXPECT_EQ(format_time(1'700'000'000'999), "2023-11-14 22:13:20 UTC");
  EXPECT_EQ(format_time(-1), "1969-12-31 23:59:59 UTC");
}

TEST(Format, Hashes) {
  EXPECT_EQ(format_hash(0xabc), "0000000000000abc");
}

}  // namespace
}  // namespace remapd::cli
