// Faults injected into the producer; against a real broker:
// tests/integration/kafka_producer_test.cc.
#include "connectors/kafka/kafka_event_producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kafka/mock_cluster.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class KafkaEventProducerTest : public ::testing::Test {
 protected:
  KafkaEventProducerTest() { cluster_.create_topic("events", 2); }

  std::unique_ptr<KafkaEventProducer> producer(KafkaEventProducerOptions options = {}) {
    options.settings = cluster_.settings();
    options.topic = "events";
    auto made = KafkaEventProducer::create(std::move(options));
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }

  static void send(KafkaEventProducer& producer, int messages) {
    for (int i = 0; i < messages; ++i) {
      const auto sent = producer.send(as_bytes("event " + std::to_string(i)));
      ASSERT_TRUE(sent) << sent.error().message;
    }
  }

  MockCluster cluster_;
};

TEST_F(KafkaEventProducerTest, WhatIsRefusedForAWhileIsSentAgain) {
  const auto events = producer();
  cluster_.fail_next(kProduceApi, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                     RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                     RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  send(*events, 50);
  const auto flushed = events->flush();
  ASSERT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ(events->counters().delivered, 50U);
  EXPECT_EQ(events->counters().failed, 0U);
  EXPECT_GT(events->counters().sent_again, 0U);
  EXPECT_EQ(events->counters().queued_bytes, 0U);
  EXPECT_THAT(events->last_problem(), HasSubstr("topic \"events\""));
}

TEST_F(KafkaEventProducerTest, AFatalErrorCostsAHandleAndNoMessage) {
  // Without the right to write idempotently librdkafka gives up for good; it is granted later.
  cluster_.fail_next(kInitProducerIdApi, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
  const auto events = producer();
  send(*events, 20);
  const auto flushed = events->flush();
  ASSERT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ(events->counters().renewals, 1U);
  EXPECT_EQ(events->counters().delivered, 20U);
  EXPECT_EQ(events->counters().failed, 0U);
}

TEST_F(KafkaEventProducerTest, WhatCanNeverBeDeliveredIsCountedAndToldOnce) {
  const auto events = producer();
  send(*events, 1);
  ASSERT_TRUE(events->flush());
  cluster_.fail_next(kProduceApi, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  send(*events, 1);
  const auto flushed = events->flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, ErrorCode::kIo);
  EXPECT_THAT(flushed.error().message, HasSubstr("1 messages to topic \"events\" were lost"));
  EXPECT_EQ(events->counters().failed, 1U);
  EXPECT_TRUE(events->flush());

  const auto too_large = events->send(as_bytes(std::string(2 << 20, 'x')));
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::kConfig);
  EXPECT_THAT(too_large.error().message, HasSubstr("2097152 bytes"));
  EXPECT_EQ(events->counters().sent, 2U);
}

TEST_F(KafkaEventProducerTest, TheQueueIsBoundedWhileTheBrokersAreAway) {
  KafkaEventProducerOptions small;
  small.max_queued_bytes = 10'000;
  small.timeout = 100ms;
  const auto events = producer(small);
  cluster_.take_down();
  Result<void> sent;
  std::uint64_t accepted = 0;
  while (accepted < 1'000) {
    sent = events->send(as_bytes(std::string(1'000, 'x')));
    if (!sent) break;
    ++accepted;
  }
  EXPECT_EQ(accepted, 10U);
  EXPECT_EQ(sent.error().code, ErrorCode::kResource);
  EXPECT_TRUE(sent.error().retryable);
  EXPECT_THAT(sent.error().message, HasSubstr("10000 bytes wait"));
  const auto waiting = events->flush();
  ASSERT_FALSE(waiting);
  EXPECT_TRUE(waiting.error().retryable);
  cluster_.bring_up();
  Result<void> flushed;
  for (int i = 0; i < 200; ++i) {
    flushed = events->flush();
    if (flushed) break;
  }
  EXPECT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ(events->counters().delivered, accepted);
  EXPECT_EQ(events->counters().sent, accepted);
}

}  // namespace
}  // namespace remapd::kafka
