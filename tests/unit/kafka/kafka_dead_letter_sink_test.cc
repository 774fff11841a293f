#include "connectors/kafka/kafka_dead_letter_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kafka/mock_cluster.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(KafkaDeadLetterSink, AFullQueueRefusesAfterAWhileAndCounts) {
  KafkaSettings settings;
  settings.brokers = "127.0.0.1:1";
  const auto sink = KafkaDeadLetterSink::create({.settings = settings,
                                                 .topic = "letters",
                                                 .max_queued_bytes = 64 << 10,
                                                 .patience = 50ms,
                                                 .flush_timeout = 50ms});
  ASSERT_TRUE(sink) << sink.error().message;
  const std::string payload(20'000, 'x');
  Result<void> accepted;
  int letters = 0;
  while (accepted && letters < 100) {
    accepted = (*sink)->accept(
        {.payload = as_bytes(payload), .reason = "r", .origin = "events", .offset = letters});
    ++letters;
  }
  ASSERT_FALSE(accepted) << "the queue is bounded";
  EXPECT_EQ(accepted.error().code, ErrorCode::kResource);
  EXPECT_THAT(accepted.error().message, HasSubstr("events, partition 0, offset"));
  EXPECT_EQ((*sink)->counters().refused, 1U);
  EXPECT_EQ((*sink)->counters().accepted, static_cast<std::uint64_t>(letters - 1));
  const auto flushed = (*sink)->flush();
  ASSERT_FALSE(flushed);
  EXPECT_TRUE(flushed.error().retryable) << "what was accepted still waits";
  EXPECT_THAT(flushed.error().message, HasSubstr("wait to be delivered"));
}

TEST(KafkaDeadLetterSink, WhatTheBrokerTurnsDownIsCountedAndToldOnce) {
  MockCluster cluster;
  cluster.create_topic("letters", 1);
  const auto sink =
      KafkaDeadLetterSink::create({.settings = cluster.settings(), .topic = "letters"});
  ASSERT_TRUE(sink) << sink.error().message;
  cluster.fail_next(kProduceApi, RD_KAFKA_RESP_ERR_INVALID_MSG);
  ASSERT_TRUE((*sink)->accept({.payload = as_bytes("a"), .reason = "r", .origin = "events"}));
  const auto flushed = (*sink)->flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, ErrorCode::kIo);
  EXPECT_EQ((*sink)->counters().undelivered, 1U);
  ASSERT_TRUE((*sink)->accept({.payload = as_bytes("b"), .reason = "r", .origin = "events"}));
  EXPECT_TRUE((*sink)->flush());
  EXPECT_EQ((*sink)->counters().delivered, 1U);
}

TEST(KafkaDeadLetterSink, LettersSurviveABrokerThatIsAwayForAWhile) {
  MockCluster cluster;
  cluster.create_topic("letters", 1);
  const auto sink = KafkaDeadLetterSink::create(
      {.settings = cluster.settings(), .topic = "letters", .flush_timeout = 500ms});
  ASSERT_TRUE(sink) << sink.error().message;
  cluster.take_down();
  ASSERT_TRUE((*sink)->accept({.payload = as_bytes("a"), .reason = "r", .origin = "events"}));
  const auto waiting = (*sink)->flush();
  ASSERT_FALSE(waiting);
  EXPECT_TRUE(waiting.error().retryable);
  cluster.bring_up();
  Result<void> flushed;
  for (int i = 0; i < 60; ++i) {
    flushed = (*sink)->flush();
    if (flushed) break;
  }
  EXPECT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ((*sink)->counters().delivered, 1U);
}

}  // namespace
}  // namespace remapd::kafka
