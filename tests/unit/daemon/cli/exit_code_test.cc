#include "daemon/cli/exit_code.h"

#include <gtest/gtest.h>

namespace remapd::cli {
namespace {

int code_of(ErrorCode code, bool retryable = false) {
  return static_cast<int>(exit_code(Error{code, "", retryable}));
}

TEST(ExitCode, AreThoseThatAreDocumented) {
  EXPECT_EQ(static_cast<int>(ExitCode::kOk), 0);
  EXPECT_EQ(code_of(ErrorCode::kInvalidArgument), 64);
  EXPECT_EQ(code_of(ErrorCode::kConfig), 78);
  EXPECT_EQ(code_of(ErrorCode::kNotFound), 74);
  EXPECT_EQ(code_of(ErrorCode::kNotFound, true), 75);
  EXPECT_EQ(code_of(ErrorCode::kIo), 74);
  EXPECT_EQ(code_of(ErrorCode::kUnavailable, true), 75);
  EXPECT_EQ(code_of(ErrorCode::kResource), 75);
  EXPECT_EQ(code_of(ErrorCode::kCorrupt), 1);
  EXPECT_EQ(code_of(ErrorCode::kUnsupported), 1);
  EXPECT_EQ(code_of(ErrorCode::kConflict), 1);
  EXPECT_EQ(code_of(ErrorCode::kCancelled), 1);
}

}  // namespace
}  // namespace remapd::cli
