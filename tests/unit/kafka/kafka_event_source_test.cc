// Faults injected into the source; against a real broker: tests/integration/kafka_events_test.cc.
#include "connectors/kafka/kafka_event_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_event_producer.h"
#include "tests/unit/kafka/mock_cluster.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;
using pipeline::PollOutcome;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

const pipeline::FeatureSchema& schema() {
  static const pipeline::FeatureSchema kSchema({{"item", TableIndex{0}}});
  return kSchema;
}

TEST(KafkaEventSource, EveryMessageComesOnceAcrossFetchErrors) {
  MockCluster cluster;
  cluster.create_topic("events", 1);
  auto producer = KafkaEventProducer::create({.settings = cluster.settings(), .topic = "events"});
  ASSERT_TRUE(producer) << producer.error().message;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE((*producer)->send(as_bytes("{\"f\":{\"item\":" + std::to_string(i) + "}}")));
  }
  ASSERT_TRUE((*producer)->flush());

  auto source = KafkaEventSource::create(
      {.settings = cluster.settings(), .topic = "events", .group = "test"}, schema(), nullptr);
  ASSERT_TRUE(source) << source.error().message;
  cluster.fail_next(kFetchApi, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                    RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                    RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE);
  ASSERT_TRUE((*source)->start({}));
  pipeline::EventBatch batch;
  Id expected = 0;
  const auto deadline = steady_clock::now() + 30s;
  while (expected < 50 && steady_clock::now() < deadline) {
    const auto polled = (*source)->poll(batch, 200ms);
    if (!polled) {
      ASSERT_TRUE(polled.error().retryable) << polled.error().message;
    } else if (*polled == PollOutcome::kBatch) {
      ASSERT_EQ(batch.values(FeatureIndex{0}).front(), expected);
      ++expected;
    }
  }
  EXPECT_EQ(expected, 50U);
  EXPECT_EQ((*source)->counters().lost_events, 0U);
}

TEST(KafkaEventSource, StartWithoutABrokerCanBeTriedAgain) {
  KafkaSettings settings;
  settings.brokers = "127.0.0.1:1";
  auto source = KafkaEventSource::create(
      {.settings = settings, .topic = "events", .group = "test", .request_timeout = 200ms},
      schema(), nullptr);
  ASSERT_TRUE(source) << source.error().message;
  for (int i = 0; i < 2; ++i) {
    const auto started = (*source)->start({});
    ASSERT_FALSE(started);
    EXPECT_TRUE(started.error().retryable);
    EXPECT_THAT(started.error().message, HasSubstr("127.0.0.1:1"));
  }
}

TEST(KafkaEventSource, OwnSettingsCannotBeChangedBehindItsBack) {
  KafkaSettings settings;
  settings.brokers = "127.0.0.1:1";
  settings.layers = {{"source.kafka.properties", {{"enable.auto.commit", "true"}}}};
  const auto source = KafkaEventSource::create(
      {.settings = settings, .topic = "events", .group = "test"}, schema(), nullptr);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, ErrorCode::kConfig);
  EXPECT_THAT(source.error().message, HasSubstr("source.kafka.properties.\"enable.auto.commit\""));
}

}  // namespace
}  // namespace remapd::kafka
