#include "core/base/result.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace remapd {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::kInvalidArgument, std::to_string(n) + " is odd");
  return n / 2;
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(half(4).value(), 2);
  const Result<int> failed = half(3);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(failed.error().message, "3 is odd");
  EXPECT_FALSE(failed.error().retryable);
}

TEST(Result, ContextIsAddedFromTheOutside) {
  Result<void> failed = fail(ErrorCode::kUnavailable, "connection refused", true);
  const Result<void> outer =
      fail(std::move(failed.error()).with_context("broker b1").with_context("publishing"));
  ASSERT_FALSE(outer.has_value());
  EXPECT_EQ(outer.error().message, "publishing: broker b1: connection refused");
  EXPECT_EQ(outer.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(outer.error().retryable);
}

TEST(Result, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kCancelled); ++code) {
    const std::string_view name = to_string(static_cast<ErrorCode>(code));
    EXPECT_NE(name, "unknown");
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(to_string(static_cast<ErrorCode>(99)), "unknown");
  EXPECT_EQ(to_string(ErrorCode::kCorrupt), "corrupt data");
}

}  // namespace
}  // namespace remapd
