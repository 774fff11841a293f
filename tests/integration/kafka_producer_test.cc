// What the producer promises: nothing that it has taken is lost while brokers stall, restart, or
// topics change under it.
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/kafka_event_producer.h"
#include "connectors/kafka/kafka_event_source.h"
#include "tests/support/kafka.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;
using pipeline::EventBatch;
using std::chrono::steady_clock;
using test_support::OwnBroker;

const pipeline::FeatureSchema& schema() {
  static const pipeline::FeatureSchema kSchema({{"item", TableIndex{0}}});
  return kSchema;
}

EventBatch batch_of(Id id) {
  EventBatch batch;
  batch.reset(1);
  batch.mutable_lengths(FeatureIndex{0}).push_back(1);
  batch.mutable_values(FeatureIndex{0}).push_back(id);
  batch.seal(1);
  return batch;
}

class KafkaProducer : public test_support::KafkaTest {
 protected:
  static std::unique_ptr<KafkaEventProducer> open(const KafkaSettings& settings,
                                                  const std::string& topic) {
    KafkaSettings quick = settings;  // told of changes sooner than by default
    quick.layers.push_back({.section = "test",
                            .values = {{"topic.metadata.refresh.interval.ms", "500"},
                                       {"topic.metadata.propagation.max.ms", "2000"}}});
    auto made = KafkaEventProducer::create({.settings = quick, .topic = topic, .timeout = 60s});
    REMAPD_CHECK(made.has_value(), "a test can produce to its topic");
    return std::move(*made);
  }

  static void send(KafkaEventProducer& producer, Id first, Id last) {
    for (Id id = first; id < last; ++id) {
      const auto sent = producer.send(batch_of(id), schema());
      ASSERT_TRUE(sent) << sent.error().message;
    }
  }

  static void expect_all_delivered(KafkaEventProducer& producer, std::uint64_t messages) {
    const auto flushed = producer.flush();
    EXPECT_TRUE(flushed) << flushed.error().message;
    EXPECT_EQ(producer.counters().delivered, messages);
    EXPECT_EQ(producer.counters().failed, 0U);
    EXPECT_EQ(producer.counters().queued_bytes, 0U);
  }

  // All distinct ids of the topic, once `count` are there.
  static std::set<Id> read(const KafkaSettings& settings, const std::string& topic,
                           std::size_t count) {
    auto source = KafkaEventSource::create({.settings = settings,
                                            .topic = topic,
                                            .group = test_support::unique_name("group"),
                                            .metadata_interval = 500ms},
                                           schema(), nullptr);
    EXPECT_TRUE(source && (*source)->start({}));
    std::set<Id> ids;
    EventBatch batch;
    const auto deadline = steady_clock::now() + 30s;
    while (ids.size() < count && steady_clock::now() < deadline) {
      const auto polled = (*source)->poll(batch, 200ms);
      if (!polled || *polled != pipeline::PollOutcome::kBatch) continue;
      for (const Id id : batch.values(FeatureIndex{0})) ids.insert(id);
    }
    return ids;
  }
};

TEST_F(KafkaProducer, NothingIsLostWhileTheBrokerStandsStillOrRestarts) {
  OwnBroker broker;
  const auto own = test_support::settings_for(broker.address());
  auto own_admin = TopicAdmin::create(own);
  ASSERT_TRUE(own_admin && (*own_admin)->create_topic(event_topic("events", 2)));
  const auto producer = open(own, "events");
  send(*producer, 0, 10);
  broker.stand_still();
  send(*producer, 10, 100);
  std::this_thread::sleep_for(3s);
  producer->poll(0ms);
  EXPECT_EQ(producer->counters().failed, 0U);
  broker.go_on();
  expect_all_delivered(*producer, 100);

  broker.kill();
  send(*producer, 100, 200);
  std::this_thread::sleep_for(2s);
  broker.start();
  expect_all_delivered(*producer, 200);
  EXPECT_EQ(read(own, "events", 200).size(), 200U);
}

TEST_F(KafkaProducer, PartitionsThatAreAddedAreUsed) {
  const std::string topic = make_event_topic(1);
  const auto producer = open(settings, topic);
  send(*producer, 0, 10);
  expect_all_delivered(*producer, 10);
  ASSERT_TRUE(admin->add_partitions(topic, 3));
  auto probe = KafkaClient::create(settings, {});
  ASSERT_TRUE(probe);
  std::vector<std::int64_t> ends;
  const auto deadline = steady_clock::now() + 30s;
  Id next = 10;
  while (steady_clock::now() < deadline) {
    send(*producer, next, next + 3);
    next += 3;
    expect_all_delivered(*producer, next);
    // A broker may not know the partitions yet.
    if (auto found = (*probe)->log_ends(topic, 3, KafkaClient::LogEnd::kEnd, 5s)) {
      ends = std::move(*found);
      if (ends[1] > 0 && ends[2] > 0) break;
    }
    std::this_thread::sleep_for(100ms);
  }
  ASSERT_EQ(ends.size(), 3U);
  EXPECT_THAT(ends, testing::Each(testing::Gt(0)));
}

TEST_F(KafkaProducer, ATopicMadeAnewWithFewerPartitionsIsFollowed) {
  const std::string topic = make_event_topic(3);
  const auto producer = open(settings, topic);
  send(*producer, 0, 30);
  expect_all_delivered(*producer, 30);
  ASSERT_TRUE(admin->delete_topic(topic));
  send(*producer, 30, 60);  // kept: the topic may come back
  std::this_thread::sleep_for(3s);
  ASSERT_TRUE(admin->create_topic(event_topic(topic, 1)));
  send(*producer, 60, 90);
  expect_all_delivered(*producer, 90);
  const std::set<Id> ids = read(settings, topic, 60);
  for (Id id = 60; id < 90; ++id) EXPECT_TRUE(ids.contains(id)) << id;
}

}  // namespace
}  // namespace remapd::kafka
