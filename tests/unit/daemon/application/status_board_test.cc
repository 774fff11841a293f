#include "daemon/application/status_board.h"

#include <thread>

#include <gtest/gtest.h>

namespace remapd::application {
namespace {

TEST(StatusBoard, WhoReadsKeepsWhatWasThere) {
  StatusBoard board;
  const auto before = board.read();
  ASSERT_NE(before, nullptr);
  Status status;
  status.samples = 7;
  board.write(status);
  EXPECT_EQ(before->samples, 0U);
  EXPECT_EQ(board.read()->samples, 7U);
}

TEST(StatusBoard, IsReadWhileItIsWritten) {
  StatusBoard board;
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= 2'000; ++i) {
      Status status;
      status.samples = i;
      status.ids = i;
      board.write(status);
    }
  });
  std::uint64_t last = 0;
  while (last < 2'000) {
    const auto status = board.read();
    ASSERT_EQ(status->samples, status->ids);
    ASSERT_GE(status->samples, last);
    last = status->samples;
  }
  writer.join();
}

TEST(StatusBoard, RemembersHowItWent) {
  StatusBoard board;
  for (std::int64_t second = 0; second < 11; ++second) {
    Status status;
    status.updated_ms = second * 1000;
    board.write(std::move(status));
  }
  EXPECT_EQ(board.history(HistorySpan::kHalfHour).size(), 3U);
}

}  // namespace
}  // namespace remapd::application
