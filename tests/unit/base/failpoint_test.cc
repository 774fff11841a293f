#include "core/base/failpoint.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd {
namespace {

using ::testing::HasSubstr;

constexpr std::array<std::string_view, 2> kNames = {"write", "read"};

class FailpointTest : public ::testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(arm_failpoints("", kNames)); }
};

TEST_F(FailpointTest, DoesNothingUnlessArmed) {
  EXPECT_EQ(failpoint("write"), 0);
  ASSERT_TRUE(arm_failpoints("read=EIO", kNames));
  EXPECT_EQ(failpoint("write"), 0);
}

TEST_F(FailpointTest, FailsFromItsHitOn) {
  ASSERT_TRUE(arm_failpoints("write:2=ENOSPC,read=EIO", kNames));
  EXPECT_EQ(failpoint("write"), 0);
  EXPECT_EQ(failpoint("write"), ENOSPC);
  EXPECT_EQ(failpoint("write"), ENOSPC);
  EXPECT_EQ(failpoint("read"), EIO);
  ASSERT_TRUE(arm_failpoints("", kNames));
  EXPECT_EQ(failpoint("write"), 0);
}

TEST_F(FailpointTest, KillsAtItsHit) {
  EXPECT_EXIT(
      {
        if (!arm_failpoints("read:3=kill", kNames)) std::_Exit(1);
        failpoint("read");
        failpoint("read");
        failpoint("read");
        std::_Exit(0);
      },
      ::testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FailpointTest, RefusesWhatItDoesNotKnow) {
  for (const auto& [text, part] :
       {std::pair{"read", "NAME[:HIT]=ACTION"}, std::pair{"nowhere=kill", "there are: write read"},
        std::pair{"read:0=kill", "from 1 on"}, std::pair{"read:x=kill", "from 1 on"},
        std::pair{"read=explode", "must be kill"}}) {
    const auto result = arm_failpoints(text, kNames);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kConfig);
    EXPECT_THAT(result.error().message, HasSubstr(part));
  }
}

}  // namespace
}  // namespace remapd
