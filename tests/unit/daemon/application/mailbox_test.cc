#include "daemon/application/mailbox.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace remapd::application {
namespace {

using namespace std::chrono_literals;

TEST(Mailbox, HandsOutInOrder) {
  Mailbox<int> box;
  EXPECT_TRUE(box.push(1));
  EXPECT_TRUE(box.push(2));
  EXPECT_EQ(box.pop(), 1);
  EXPECT_EQ(box.pop(0ms), 2);
  EXPECT_EQ(box.pop(0ms), std::nullopt);
}

TEST(Mailbox, WhatIsInAClosedOneCanStillBeHad) {
  Mailbox<int> box;
  box.push(1);
  box.close();
  EXPECT_FALSE(box.push(2));
  EXPECT_EQ(box.pop(), 1);
  EXPECT_EQ(box.pop(), std::nullopt);
  EXPECT_EQ(box.pop(1h), std::nullopt);  // without waiting
}

TEST(Mailbox, ClosingWakesWhoeverWaits) {
  Mailbox<int> box;
  std::thread reader([&] { EXPECT_EQ(box.pop(), std::nullopt); });
  box.close();
  reader.join();
}

TEST(Mailbox, LosesNothingBetweenThreads) {
  constexpr int kWriters = 4;
  constexpr int kEach = 1'000;
  Mailbox<std::unique_ptr<int>> box;  // what cannot be copied is moved
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&box] {
      for (int i = 1; i <= kEach; ++i) box.push(std::make_unique<int>(i));
    });
  }
  long sum = 0;
  for (int i = 0; i < kWriters * kEach; ++i) sum += **box.pop();
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(sum, kWriters * (kEach * (kEach + 1L) / 2));
  EXPECT_EQ(box.pop(0ms), std::nullopt);
}

}  // namespace
}  // namespace remapd::application
