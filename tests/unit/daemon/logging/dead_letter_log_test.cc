#include "daemon/logging/dead_letter_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_lines.h"
#include "tests/support/manual_clock.h"
#include "tests/support/recording_dead_letters.h"

namespace remapd::logging {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

pipeline::DeadLetter letter(std::int64_t offset) {
  return {.payload = {},
          .reason = "no such thing",
          .origin = "access",
          .partition = 3,
          .offset = offset};
}

TEST(DeadLetterLog, TellsTheFirstAtOnceAndThenOneAnInterval) {
  test_support::LogLines lines;
  test_support::ManualClock clock;
  DeadLetterLog log(nullptr, lines.log(), clock, 10s);
  ASSERT_TRUE(log.accept(letter(1)));
  ASSERT_EQ(lines.lines().size(), 1U);
  EXPECT_THAT(lines.text(), HasSubstr("reason=\"no such thing\" origin=access partition=3 "
                                      "offset=1 since_last_line=1"));
  for (int i = 2; i < 12; ++i) ASSERT_TRUE(log.accept(letter(i)));
  EXPECT_EQ(lines.lines().size(), 1U);
  clock.advance(10s);
  ASSERT_TRUE(log.accept(letter(12)));
  ASSERT_EQ(lines.lines().size(), 2U);
  EXPECT_THAT(lines.lines()[1], HasSubstr("offset=12 since_last_line=11"));
  EXPECT_TRUE(log.flush());
}

class FailingSink final : public pipeline::DeadLetterSink {
 public:
  Result<void> accept(const pipeline::DeadLetter&) override {
    return fail(ErrorCode::kResource, "full");
  }
  Result<void> show() override { return fail(ErrorCode::kIo, "read-only"); }
  Result<void> flush() override { return fail(ErrorCode::kIo, "broken"); }
};

TEST(DeadLetterLog, HandsOnAndReportsWhatTheSinkSays) {
  test_support::LogLines lines;
  test_support::ManualClock clock;
  FailingSink sink;
  DeadLetterLog log(&sink, lines.log(), clock);
  const auto accepted = log.accept(letter(1));
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, ErrorCode::kResource);
  EXPECT_EQ(log.show().error().message, "read-only");
  const auto flushed = log.flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().message, "broken");
}

TEST(DeadLetterLog, KeepsEveryLetter) {
  test_support::LogLines lines;
  test_support::ManualClock clock;
  test_support::RecordingDeadLetters sink;
  DeadLetterLog log(&sink, lines.log(), clock);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log.accept(letter(i)));
  EXPECT_EQ(sink.letters.size(), 5U);
}

}  // namespace
}  // namespace remapd::logging
