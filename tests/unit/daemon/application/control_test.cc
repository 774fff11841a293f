#include "daemon/application/control.h"

#include <thread>

#include <gtest/gtest.h>

namespace remapd::application {
namespace {

using namespace std::chrono_literals;

TEST(AwaitAnswer, GivesWhatIsAnsweredAtOnce) {
  const auto result = await_answer<int>([](const Answer<int>& answer) { answer(7); }, 1h);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 7);
}

TEST(AwaitAnswer, GivesErrorsOn) {
  const auto result = await_answer<void>(
      [](const Answer<void>& answer) { answer(fail(ErrorCode::kNotFound, "no such table")); }, 1h);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "no such table");
}

TEST(AwaitAnswer, WaitsForAnotherThread) {
  std::thread other;
  const auto result = await_answer<int>(
      [&](Answer<int> answer) { other = std::thread([answer = std::move(answer)] { answer(7); }); },
      1h);
  EXPECT_EQ(result.value(), 7);
  other.join();
}

TEST(AwaitAnswer, GivesUpAndCanStillBeAnswered) {
  Answer<int> late;
  const auto result = await_answer<int>([&](Answer<int> answer) { late = std::move(answer); }, 1ms);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(result.error().retryable);
  late(7);
}

}  // namespace
}  // namespace remapd::application
