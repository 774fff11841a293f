#include "daemon/application/status_history.h"

#include <gtest/gtest.h>

namespace remapd::application {
namespace {

Status status_at(std::int64_t time_ms) {
  Status status;
  status.updated_ms = time_ms;
  status.samples = static_cast<std::uint64_t>(time_ms);
  return status;
}

TEST(StatusHistory, KeepsAPointAStep) {
  StatusHistory history;
  for (std::int64_t second = 0; second < 600; ++second) history.add(status_at(second * 1000));
  const auto fine = history.points(HistorySpan::kHalfHour);
  ASSERT_EQ(fine.size(), 120U);
  EXPECT_EQ(fine.front().time_ms, 0);
  EXPECT_EQ(fine.back().time_ms, 595'000);
  EXPECT_EQ(fine.back().samples, 595'000U);
  EXPECT_EQ(history.points(HistorySpan::kTwelveHours).size(), 10U);
}

TEST(StatusHistory, ForgetsWhatIsOlderThanTheSpan) {
  StatusHistory history;
  for (std::int64_t minute = 0; minute < 2'000; ++minute) history.add(status_at(minute * 60'000));
  const auto coarse = history.points(HistorySpan::kTwelveHours);
  ASSERT_EQ(coarse.size(), 721U);
  EXPECT_EQ(coarse.back().time_ms - coarse.front().time_ms, 12 * 3'600'000);
  EXPECT_EQ(history.points(HistorySpan::kHalfHour).size(), 361U);
}

TEST(StatusHistory, GoesOnWhenTheClockIsSetBack) {
  StatusHistory history;
  for (std::int64_t second = 0; second < 60; ++second) history.add(status_at(second * 1000));
  history.add(status_at(20'000));
  history.add(status_at(25'000));
  const auto points = history.points(HistorySpan::kHalfHour);
  ASSERT_EQ(points.size(), 6U);
  EXPECT_EQ(points.back().time_ms, 25'000);
}

TEST(StatusHistory, LagIsOfAllPartitionsOrUnknown) {
  StatusHistory history;
  Status status = status_at(0);
  status.offsets = {{0, 10}, {1, 10}};
  status.input.lag = {{0, 40}};
  history.add(status);
  status.updated_ms = 5'000;
  status.input.lag = {{0, 40}, {1, 2}};
  history.add(status);
  const auto points = history.points(HistorySpan::kHalfHour);
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].lag_messages, std::nullopt);
  EXPECT_EQ(points[1].lag_messages, 42U);
}

}  // namespace
}  // namespace remapd::application
