#include "core/base/failpoint.h"

#include <cerrno>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd {
namespace {

using ::testing::HasSubstr;

class FailpointTest : public ::testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(arm_failpoints("")); }
};

TEST_F(FailpointTest, DoesNothingUnlessArmed) {
  EXPECT_EQ(failpoint(failpoints::kCheckpointWrite), 0);
  ASSERT_TRUE(arm_failpoints("publish.blob=EIO"));
  EXPECT_EQ(failpoint(failpoints::kCheckpointWrite), 0);
}

TEST_F(FailpointTest, FailsFromItsHitOn) {
  ASSERT_TRUE(arm_failpoints("checkpoint.write:2=ENOSPC,publish.blob=EIO"));
  EXPECT_EQ(failpoint(failpoints::kCheckpointWrite), 0);
  EXPECT_EQ(failpoint(failpoints::kCheckpointWrite), ENOSPC);
  EXPECT_EQ(failpoint(failpoints::kCheckpointWrite), ENOSPC);
  EXPECT_EQ(failpoint(failpoints::kPublishBlob), EIO);
  ASSERT_TRUE(arm_failpoints(""));
  EXPECT_EQ(failpoint(failpoints::kCheckpointWrite), 0);
}

TEST_F(FailpointTest, KillsAtItsHit) {
  EXPECT_EXIT(
      {
        if (!arm_failpoints("ingest:3=kill")) std::_Exit(1);
        failpoint(failpoints::kIngest);
        failpoint(failpoints::kIngest);
        failpoint(failpoints::kIngest);
        std::_Exit(0);
      },
      ::testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FailpointTest, RefusesWhatItDoesNotKnow) {
  for (const auto& [text, part] :
       {std::pair{"ingest", "NAME[:HIT]=ACTION"}, std::pair{"nowhere=kill", "there are: ingest"},
        std::pair{"ingest:0=kill", "from 1 on"}, std::pair{"ingest:x=kill", "from 1 on"},
        std::pair{"ingest=explode", "must be kill"}}) {
    const auto result = arm_failpoints(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kConfig);
    EXPECT_THAT(result.error().message, HasSubstr(part));
  }
}

}  // namespace
}  // namespace remapd
