// Events through a real broker: source, dead letters, producer, topic admin.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/kafka_dead_letter_sink.h"
#include "connectors/kafka/kafka_event_source.h"
#include "connectors/kafka/kafka_topics_source.h"
#include "connectors/kafka/topic_sample.h"
#include "connectors/proto/access_batch_codec.h"
#include "tests/support/kafka.h"
#include "tests/support/recording_dead_letters.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;
using pipeline::EventBatch;
using pipeline::PollOutcome;
using std::chrono::steady_clock;
using test_support::OwnBroker;
using test_support::RecordingDeadLetters;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const pipeline::FeatureSchema& schema() {
  static const pipeline::FeatureSchema kSchema({{"item", TableIndex{0}}});
  return kSchema;
}

EventBatch batch_of(std::vector<Id> ids) {
  EventBatch batch;
  batch.reset(1);
  batch.mutable_lengths(FeatureIndex{0}).assign(ids.size(), 1);
  batch.mutable_values(FeatureIndex{0}) = ids;
  batch.seal(ids.size());
  return batch;
}

KafkaEventSourceOptions options_of(const KafkaSettings& settings, const std::string& topic) {
  return {.settings = settings,
          .topic = topic,
          .group = test_support::unique_name("group"),
          .metadata_interval = 500ms};
}

std::unique_ptr<KafkaEventSource> source_of(KafkaEventSourceOptions options,
                                            pipeline::DeadLetterSink* letters = nullptr) {
  auto made = KafkaEventSource::create(std::move(options), schema(), letters);
  REMAPD_CHECK(made.has_value(), "a test can make a source");
  return std::move(*made);
}

// All ids until `count` were read or `patience` ran out; errors that may pass are passed over.
std::vector<Id> read_ids(KafkaEventSource& source, std::size_t count,
                         std::chrono::milliseconds patience = 20'000ms) {
  std::vector<Id> ids;
  EventBatch batch;
  const auto deadline = steady_clock::now() + patience;
  while (ids.size() < count && steady_clock::now() < deadline) {
    const auto polled = source.poll(batch, 100ms);
    if (!polled) {
      EXPECT_TRUE(polled.error().retryable) << polled.error().message;
      if (!polled.error().retryable) break;
    } else if (*polled == PollOutcome::kBatch) {
      const auto values = batch.values(FeatureIndex{0});
      ids.insert(ids.end(), values.begin(), values.end());
    }
  }
  return ids;
}

// The error that poll() gives within `patience`, if any.
std::optional<Error> next_error(KafkaEventSource& source, std::chrono::milliseconds patience) {
  EventBatch batch;
  const auto deadline = steady_clock::now() + patience;
  while (steady_clock::now() < deadline) {
    if (auto polled = source.poll(batch, 50ms); !polled) return polled.error();
  }
  return std::nullopt;
}

class KafkaEvents : public test_support::KafkaTest {};

TEST_F(KafkaEvents, OfSeveralTopicsHaveTheLabelOfTheirTopic) {
  const std::string clicks = make_event_topic();
  const std::string views = make_event_topic();
  const auto to_clicks = producer_of(clicks);
  const auto to_views = producer_of(views);
  for (Id id = 0; id < 20; ++id) {
    ASSERT_TRUE((id % 4 == 0 ? to_clicks : to_views)->send(batch_of({id}), schema()));
  }
  ASSERT_TRUE(to_clicks->flush());
  ASSERT_TRUE(to_views->flush());
  const auto make = [&] {
    std::vector<std::unique_ptr<KafkaEventSource>> sources;
    for (const auto& [topic, label] : {std::pair{clicks, 1.0F}, std::pair{views, 0.0F}}) {
      KafkaEventSourceOptions options = options_of(settings, topic);
      options.label = label;
      sources.push_back(source_of(std::move(options)));
    }
    return KafkaTopicsSource(std::move(sources));
  };
  std::map<Id, float> labels;
  const auto read = [&](KafkaTopicsSource& source, std::size_t until) {
    EventBatch batch;
    const auto deadline = steady_clock::now() + 20s;
    while (labels.size() < until && steady_clock::now() < deadline) {
      const auto polled = source.poll(batch, 100ms);
      ASSERT_TRUE(polled) << polled.error().message;
      if (*polled != PollOutcome::kBatch) continue;
      const bool is_new =
          labels.try_emplace(batch.values(FeatureIndex{0})[0], batch.labels()[0]).second;
      EXPECT_TRUE(is_new) << "no event comes twice";
      EXPECT_EQ(batch.position.partition / kPartitionsOfATopic, batch.labels()[0] > 0 ? 0U : 1U);
    }
  };
  pipeline::StreamOffsets left;
  {
    KafkaTopicsSource source = make();
    ASSERT_TRUE(source.start({}));
    read(source, 7);
    left = source.offsets();
    ASSERT_TRUE(source.commit(left));
  }
  KafkaTopicsSource source = make();
  ASSERT_TRUE(source.start(left));
  read(source, 20);
  ASSERT_EQ(labels.size(), 20U);
  for (const auto& [id, label] : labels) EXPECT_EQ(label, id % 4 == 0 ? 1.0F : 0.0F) << id;
  std::uint64_t behind = 0;
  for (const auto& lag : source.counters().lag) behind += lag.messages;
  EXPECT_EQ(behind, 0U);
  EXPECT_THAT(
      source.start({{.partition = 2 * kPartitionsOfATopic, .next_offset = 0}}).error().message,
      HasSubstr("another list of topics"));
}

TEST_F(KafkaEvents, ASampleOfATopicHasTheOldestOfEachPartition) {
  for (const std::uint32_t partitions : {1U, 3U}) {
    const std::string topic = make_event_topic(partitions);
    const auto producer = producer_of(topic);
    for (int i = 0; i < 90; ++i) ASSERT_TRUE(producer->send(as_bytes(std::to_string(i))));
    ASSERT_TRUE(producer->flush());
    std::set<std::string> seen;
    std::int64_t last = 0;
    const auto visit = [&](const LogRecord& record) {
      seen.insert(std::string(as_text(*record.value)));
      last = std::max(last, record.offset);
    };
    ASSERT_TRUE(sample_topic(settings, topic, 24, 20s, visit));
    EXPECT_EQ(seen.size(), 24U);
    EXPECT_LT(last, 24);
    seen.clear();
    ASSERT_TRUE(sample_topic(settings, topic, 1'000, 20s, visit));
    EXPECT_EQ(seen.size(), 90U);
  }
  const auto visit = [](const LogRecord&) {};
  EXPECT_EQ(sample_topic(settings, "no-such-topic", 10, 2s, visit).error().code,
            ErrorCode::kNotFound);
}

TEST_F(KafkaEvents, ComeInTheOrderOfThePartitionWithTheirPositions) {
  const std::string topic = make_event_topic();
  const auto producer = producer_of(topic);
  for (Id id = 0; id < 100; ++id) ASSERT_TRUE(producer->send(batch_of({id, id + 1000}), schema()));
  ASSERT_TRUE(producer->flush());
  EXPECT_EQ(producer->counters().delivered, 100U);

  const auto source = source_of(options_of(settings, topic));
  ASSERT_TRUE(source->start({}));
  EventBatch batch;
  for (Id id = 0; id < 100; ++id) {
    const auto polled = source->poll(batch, 10s);
    ASSERT_TRUE(polled) << polled.error().message;
    ASSERT_EQ(*polled, PollOutcome::kBatch);
    EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(id, id + 1000));
    EXPECT_EQ(batch.position.offset, static_cast<std::int64_t>(id));
    EXPECT_EQ(batch.position.next_offset, static_cast<std::int64_t>(id) + 1);
    EXPECT_GT(batch.event_time_ms, 1'700'000'000'000) << "the broker's time, if there is no other";
  }
  const auto idle = source->poll(batch, 300ms);
  ASSERT_TRUE(idle);
  EXPECT_EQ(*idle, PollOutcome::kIdle);
  EXPECT_THAT(source->offsets(), ElementsAre(pipeline::PartitionOffset{0, 100}));
  EXPECT_EQ(source->counters().messages, 100U);
  EXPECT_THAT(source->counters().lag, ElementsAre(pipeline::PartitionLag{0, 0}));
}

TEST_F(KafkaEvents, TextIsReadLikeProtobuf) {
  const std::string topic = make_event_topic();
  const auto producer = producer_of(topic);
  ASSERT_TRUE(producer->send(as_bytes("{\"f\":{\"item\":[7]}}\n{\"f\":{\"item\":8,\"x\":1}}\n")));
  ASSERT_TRUE(producer->flush());
  const auto source = source_of(options_of(settings, topic));
  ASSERT_TRUE(source->start({}));
  EXPECT_THAT(read_ids(*source, 2), ElementsAre(7, 8));
  EXPECT_EQ(source->counters().unknown_features, 1U);
}

TEST_F(KafkaEvents, AllPartitionsAreReadAndNewOnesFromTheirBeginning) {
  const std::string topic = make_event_topic(3);
  const auto producer = producer_of(topic);
  for (Id id = 0; id < 30; ++id) ASSERT_TRUE(producer->send(batch_of({id}), schema()));
  ASSERT_TRUE(producer->flush());

  auto options = options_of(settings, topic);
  options.start = StartAt::kLatest;
  const auto source = source_of(options);
  ASSERT_TRUE(source->start({}));
  EXPECT_THAT(source->offsets(),
              ElementsAre(pipeline::PartitionOffset{0, 10}, pipeline::PartitionOffset{1, 10},
                          pipeline::PartitionOffset{2, 10}));

  ASSERT_TRUE(admin->add_partitions(topic, 4));
  const auto wider = producer_of(topic);
  const std::string payload = proto::encode_protobuf(batch_of({77}), schema(), "test");
  ASSERT_TRUE(wider->send(as_bytes(payload), 3));
  ASSERT_TRUE(wider->flush());
  EXPECT_THAT(read_ids(*source, 1), ElementsAre(77));
  EXPECT_THAT(source->take_notices(), ElementsAre(HasSubstr("new partition, 3")));
  EXPECT_EQ(source->offsets().back(), (pipeline::PartitionOffset{3, 1}));

  // A restart with a checkpoint from before it was there loses nothing of it, latest or not.
  const auto restarted = source_of(options);
  ASSERT_TRUE(restarted->start({{0, 10}, {1, 10}, {2, 10}}));
  EXPECT_THAT(read_ids(*restarted, 1), ElementsAre(77));
}

TEST_F(KafkaEvents, ReadingGoesOnAtTheOffsetsGiven) {
  const std::string topic = make_event_topic(2);
  const auto producer = producer_of(topic);
  for (Id id = 0; id < 40; ++id) ASSERT_TRUE(producer->send(batch_of({id}), schema()));
  ASSERT_TRUE(producer->flush());
  std::multiset<Id> seen;
  pipeline::StreamOffsets offsets;
  for (int run = 0; run < 4; ++run) {
    const auto source = source_of(options_of(settings, topic));
    ASSERT_TRUE(source->start(offsets));
    for (const Id id : read_ids(*source, 10)) seen.insert(id);
    offsets = source->offsets();
  }
  EXPECT_EQ(seen.size(), 40U);
  EXPECT_EQ(std::set<Id>(seen.begin(), seen.end()).size(), 40U) << "none was read twice";
}

TEST_F(KafkaEvents, APoisonedMessageGoesToTheDeadLetterTopicWithItsCoordinates) {
  const std::string topic = make_event_topic();
  const std::string letters_topic = make_topic(dead_letter_topic("dead-letters"));
  const auto producer = producer_of(topic);
  const std::string poison = "\xff\xfe this is no AccessBatch";
  ASSERT_TRUE(producer->send(batch_of({1}), schema()));
  ASSERT_TRUE(producer->send(as_bytes(poison)));
  ASSERT_TRUE(producer->send(batch_of({2}), schema()));
  ASSERT_TRUE(producer->flush());

  auto letters = KafkaDeadLetterSink::create({.settings = settings, .topic = letters_topic});
  ASSERT_TRUE(letters) << letters.error().message;
  const auto source = source_of(options_of(settings, topic), letters->get());
  ASSERT_TRUE(source->start({}));
  EXPECT_THAT(read_ids(*source, 2), ElementsAre(1, 2));
  EXPECT_EQ(source->counters().dead_letters, 1U);
  EXPECT_EQ(source->offsets().front().next_offset, 3);
  const auto flushed = (*letters)->flush();
  ASSERT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ((*letters)->counters().delivered, 1U);

  ClientRole role;
  role.type = RD_KAFKA_CONSUMER;
  role.defaults = {{"group.id", "test"}};
  const auto reader = KafkaClient::create(settings, role);
  ASSERT_TRUE(reader);
  rd_kafka_assign((*reader)->get(), one_partition(letters_topic, 0, 0).get());
  const MessageHandle letter = (*reader)->consume(10s);
  ASSERT_TRUE(letter);
  ASSERT_EQ(letter->err, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(letter->err);
  EXPECT_EQ(as_text(payload_of(*letter)), poison);
  EXPECT_EQ(key_of(*letter), topic + "/0/1");
  std::map<std::string, std::string> told;
  rd_kafka_headers_t* headers = nullptr;
  ASSERT_EQ(rd_kafka_message_headers(letter.get(), &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    told[name] = std::string(static_cast<const char*>(value), size);
  }
  EXPECT_EQ(told["remapd.topic"], topic);
  EXPECT_EQ(told["remapd.partition"], "0");
  EXPECT_EQ(told["remapd.offset"], "1");
  EXPECT_EQ(told["remapd.payload_bytes"], std::to_string(poison.size()));
  EXPECT_THAT(told["remapd.reason"], Not(IsEmpty()));
}

TEST_F(KafkaEvents, ABadLineOfAMessageLosesItselfOnly) {
  const std::string topic = make_event_topic();
  const auto producer = producer_of(topic);
  std::string lines;
  for (Id id = 1; id <= 1'000; ++id) {
    lines += id == 500 ? std::string("{\"f\":{\"item\":[null,{}]}}\n")
                       : fmt::format("{{\"f\":{{\"item\":[{}]}}}}\n", id);
  }
  ASSERT_TRUE(producer->send(batch_of({7}), schema()));
  ASSERT_TRUE(producer->send(as_bytes(lines)));
  ASSERT_TRUE(producer->flush());
  RecordingDeadLetters letters;
  const auto source = source_of(options_of(settings, topic), &letters);
  ASSERT_TRUE(source->start({}));
  EXPECT_EQ(read_ids(*source, 1'000).size(), 1'000U);
  EXPECT_EQ(source->counters().dead_letters, 1U);
  ASSERT_EQ(letters.letters.size(), 1U);
  EXPECT_EQ(letters.letters[0].offset, 1);
  EXPECT_EQ(letters.letters[0].line, 500U);
  EXPECT_EQ(letters.letters[0].payload, "{\"f\":{\"item\":[null,{}]}}");
}

TEST_F(KafkaEvents, ControlRecordsOfTransactionsAreNoLag) {
  constexpr std::int32_t kPartitions = 3;
  const std::string topic = make_event_topic(kPartitions);
  ClientRole role;
  role.type = RD_KAFKA_PRODUCER;
  role.defaults = {{"transactional.id", topic}};
  const auto producer = KafkaClient::create(settings, role);
  ASSERT_TRUE(producer);
  rd_kafka_t* const handle = (*producer)->get();
  const auto succeeds = [](rd_kafka_error_t* error) {
    if (error == nullptr) return true;
    ADD_FAILURE() << rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    return false;
  };
  constexpr int kTimeoutMs = 20'000;
  ASSERT_TRUE(succeeds(rd_kafka_init_transactions(handle, kTimeoutMs)));
  for (const bool commit : {true, false}) {
    ASSERT_TRUE(succeeds(rd_kafka_begin_transaction(handle)));
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      std::string value = fmt::format("{{\"f\":{{\"item\":{}}}}}", p);
      ASSERT_EQ(rd_kafka_producev(handle, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(p),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                  RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_END),
                RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    ASSERT_EQ(rd_kafka_flush(handle, kTimeoutMs), RD_KAFKA_RESP_ERR_NO_ERROR)
        << "what has not been sent is not aborted, but dropped";
    ASSERT_TRUE(succeeds(commit ? rd_kafka_commit_transaction(handle, kTimeoutMs)
                                : rd_kafka_abort_transaction(handle, kTimeoutMs)));
  }

  const auto source = source_of(options_of(settings, topic));
  ASSERT_TRUE(source->start({}));
  EXPECT_EQ(read_ids(*source, kPartitions).size(), 3U);
  const auto lag = [&] {
    std::uint64_t sum = 0;
    for (const pipeline::PartitionLag& partition : source->counters().lag) {
      sum += partition.messages;
    }
    return sum;
  };
  // The message, its commit, the aborted one and its abort, which a broker writes in its own time.
  const auto at_the_end = [&] {
    const pipeline::StreamOffsets offsets = source->offsets();
    return std::all_of(offsets.begin(), offsets.end(),
                       [](const pipeline::PartitionOffset& at) { return at.next_offset == 4; });
  };
  EventBatch batch;
  const auto deadline = steady_clock::now() + 20s;
  while (!at_the_end() && steady_clock::now() < deadline) {
    const auto polled = source->poll(batch, 100ms);
    ASSERT_TRUE(polled) << polled.error().message;
    EXPECT_EQ(*polled, PollOutcome::kIdle) << "what was aborted is not read";
  }
  EXPECT_TRUE(at_the_end());
  EXPECT_EQ(lag(), 0U);
}

TEST_F(KafkaEvents, ADeadLetterThatIsRefusedIsToldAndReadingGoesOn) {
  const std::string topic = make_event_topic();
  const auto producer = producer_of(topic);
  ASSERT_TRUE(producer->send(as_bytes("poison")));
  ASSERT_TRUE(producer->send(batch_of({2}), schema()));
  ASSERT_TRUE(producer->flush());
  RecordingDeadLetters letters;
  letters.refuse_with = Error{ErrorCode::kResource, "full", false};
  const auto source = source_of(options_of(settings, topic), &letters);
  ASSERT_TRUE(source->start({}));
  const auto error = next_error(*source, 10s);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "full");
  EXPECT_TRUE(error->retryable);
  EXPECT_THAT(read_ids(*source, 1), ElementsAre(2));
}

class KafkaEventsOutOfRange : public KafkaEvents {
 protected:
  // Offsets 0 .. 19, of which 0 .. 11 are gone.
  std::string topic_with_its_beginning_deleted() {
    const std::string topic = make_event_topic();
    const auto producer = producer_of(topic);
    for (Id id = 0; id < 20; ++id) EXPECT_TRUE(producer->send(batch_of({id}), schema()));
    EXPECT_TRUE(producer->flush());
    const auto deleted = admin->delete_records(topic, 0, 12);
    EXPECT_TRUE(deleted) << deleted.error().message;
    return topic;
  }
};

TEST_F(KafkaEventsOutOfRange, EarliestGoesOnWhereTheLogBegins) {
  auto options = options_of(settings, topic_with_its_beginning_deleted());
  const auto source = source_of(options);
  ASSERT_TRUE(source->start({{0, 5}}));
  EXPECT_THAT(read_ids(*source, 8), ElementsAre(12, 13, 14, 15, 16, 17, 18, 19));
  EXPECT_EQ(source->counters().lost_events, 7U);
  EXPECT_THAT(source->take_notices(), ElementsAre(HasSubstr("7 messages lost")));
}

TEST_F(KafkaEventsOutOfRange, LatestGoesOnWhereTheLogEnds) {
  const std::string topic = topic_with_its_beginning_deleted();
  auto options = options_of(settings, topic);
  options.out_of_range = OutOfRange::kLatest;
  const auto source = source_of(options);
  ASSERT_TRUE(source->start({{0, 5}}));
  EXPECT_THAT(read_ids(*source, 1, 1500ms), IsEmpty());
  EXPECT_EQ(source->counters().lost_events, 15U);
  const auto producer = producer_of(topic);
  ASSERT_TRUE(producer->send(batch_of({99}), schema()));
  ASSERT_TRUE(producer->flush());
  EXPECT_THAT(read_ids(*source, 1), ElementsAre(99));
}

TEST_F(KafkaEventsOutOfRange, StopStops) {
  auto options = options_of(settings, topic_with_its_beginning_deleted());
  options.out_of_range = OutOfRange::kStop;
  const auto source = source_of(options);
  const auto started = source->start({{0, 5}});
  ASSERT_FALSE(started) << "before it claims anything";
  EXPECT_EQ(started.error().code, ErrorCode::kConflict);
  EXPECT_FALSE(started.error().retryable);
  EXPECT_THAT(started.error().message, HasSubstr("source.kafka.out_of_range"));
}

TEST_F(KafkaEventsOutOfRange, ATopicDeletedAndMadeAnewIsReadFromItsBeginning) {
  const std::string topic = make_event_topic();
  auto producer = producer_of(topic);
  for (Id id = 0; id < 20; ++id) ASSERT_TRUE(producer->send(batch_of({id}), schema()));
  ASSERT_TRUE(producer->flush());
  const auto source = source_of(options_of(settings, topic));
  ASSERT_TRUE(source->start({}));
  ASSERT_EQ(read_ids(*source, 20).size(), 20U);

  ASSERT_TRUE(admin->delete_topic(topic));
  const auto error = next_error(*source, 20s);
  ASSERT_TRUE(error) << "a topic that is gone is told";
  EXPECT_TRUE(error->retryable);
  EXPECT_THAT(error->message, HasSubstr(topic));

  const auto created = admin->create_topic(event_topic(topic, 1));
  ASSERT_TRUE(created) << created.error().message;
  producer = producer_of(topic);
  for (Id id = 100; id < 105; ++id) ASSERT_TRUE(producer->send(batch_of({id}), schema()));
  ASSERT_TRUE(producer->flush());
  EXPECT_THAT(read_ids(*source, 5, 40s), ElementsAre(100, 101, 102, 103, 104));
}

TEST_F(KafkaEvents, ATopicThatDoesNotExistIsWaitedFor) {
  const std::string topic = test_support::unique_name("not-there");
  const auto source = source_of(options_of(settings, topic));
  const auto started = source->start({});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(started.error().retryable);
  EXPECT_THAT(started.error().message, HasSubstr(topic));
  ASSERT_TRUE(admin->create_topic(event_topic(topic, 1)));
  EXPECT_TRUE(source->start({}));
}

TEST_F(KafkaEvents, CommittedOffsetsCanBeSeenByLagMonitors) {
  const std::string topic = make_event_topic();
  const auto options = options_of(settings, topic);
  {
    const auto source = source_of(options);
    ASSERT_TRUE(source->start({}));
    const auto committed = source->commit({{0, 17}});
    ASSERT_TRUE(committed) << committed.error().message;
  }  // waits for it
  ClientRole role;
  role.type = RD_KAFKA_CONSUMER;
  role.defaults = {{"group.id", options.group}};
  const auto client = KafkaClient::create(settings, role);
  ASSERT_TRUE(client);
  const auto list = one_partition(topic, 0, RD_KAFKA_OFFSET_INVALID);
  ASSERT_EQ(rd_kafka_committed((*client)->get(), list.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(list->elems[0].offset, 17);
}

TEST_F(KafkaEvents, TopicAdminTellsWhatDoesNotSuit) {
  const std::string topic = make_event_topic(2);
  const auto state = admin->inspect(topic);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_TRUE(state->exists);
  EXPECT_EQ(state->partitions, 2U);
  EXPECT_THAT(objections(event_topic(topic, 2), *state), IsEmpty());
  EXPECT_THAT(objections(mapping_topic(topic, 512 << 10), *state),
              ::testing::Contains(HasSubstr("cleanup.policy")));
  const auto again = admin->create_topic(event_topic(topic, 2));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(*again);

  const std::string mappings = make_topic(mapping_topic("mappings", 8 << 20));
  const auto suits = admin->inspect(mappings);
  ASSERT_TRUE(suits) << suits.error().message;
  EXPECT_THAT(objections(mapping_topic(mappings, 8 << 20), *suits), IsEmpty());
  EXPECT_THAT(objections(mapping_topic(mappings, 16 << 20), *suits),
              ElementsAre(HasSubstr("max.message.bytes")));
  const auto missing = admin->inspect("no-such-topic");
  ASSERT_TRUE(missing) << missing.error().message;
  EXPECT_FALSE(missing->exists);
}

TEST_F(KafkaEvents, ABrokerThatGoesAwayIsWaitedFor) {
  OwnBroker broker;
  settings = test_support::settings_for(broker.address());
  auto own_admin = TopicAdmin::create(settings);
  ASSERT_TRUE(own_admin);
  const std::string topic = "events";
  ASSERT_TRUE((*own_admin)->create_topic(event_topic(topic, 1)));
  ASSERT_TRUE((*own_admin)->create_topic(dead_letter_topic("letters")));
  const auto producer = producer_of(topic);
  for (Id id = 0; id < 10; ++id) ASSERT_TRUE(producer->send(batch_of({id}), schema()));
  ASSERT_TRUE(producer->flush());
  auto letters = KafkaDeadLetterSink::create(
      {.settings = settings, .topic = "letters", .flush_timeout = 500ms});
  ASSERT_TRUE(letters);
  const auto source = source_of(options_of(settings, topic), letters->get());
  ASSERT_TRUE(source->start({}));
  ASSERT_EQ(read_ids(*source, 10).size(), 10U);

  broker.kill();
  const auto error = next_error(*source, 20s);
  ASSERT_TRUE(error) << "a broker that is gone is told";
  EXPECT_EQ(error->code, ErrorCode::kUnavailable);
  EXPECT_TRUE(error->retryable);
  EXPECT_THAT(error->message, HasSubstr("kafka.brokers"));

  const auto begun = steady_clock::now();
  EventBatch batch;
  EXPECT_FALSE(source->poll(batch, 500ms));
  EXPECT_GE(steady_clock::now() - begun, 400ms) << "waiting is no busy loop";

  ASSERT_TRUE((*letters)->accept(
      {.payload = as_bytes("kept"), .reason = "test", .origin = topic, .offset = 3}));
  const auto waiting = (*letters)->flush();
  ASSERT_FALSE(waiting);
  EXPECT_TRUE(waiting.error().retryable);

  broker.start();
  const auto again = producer_of(topic);
  for (Id id = 10; id < 20; ++id) ASSERT_TRUE(again->send(batch_of({id}), schema()));
  ASSERT_TRUE(again->flush());
  EXPECT_THAT(read_ids(*source, 10, 40s), ElementsAre(10, 11, 12, 13, 14, 15, 16, 17, 18, 19));
  std::optional<Error> still;
  const auto quiet_deadline = steady_clock::now() + 20s;
  do {
    still = next_error(*source, 1500ms);
  } while (still && steady_clock::now() < quiet_deadline);
  EXPECT_FALSE(still) << "trouble that has passed is told no more: " << still->message;
  Result<void> flushed;
  const auto deadline = steady_clock::now() + 20s;
  do {
    flushed = (*letters)->flush();
  } while (!flushed && steady_clock::now() < deadline);
  EXPECT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ((*letters)->counters().delivered, 1U);
}

}  // namespace
}  // namespace remapd::kafka
