// Mapping versions through a real broker: sink, source, take-over, retention, faults.
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_mapping_sink.h"
#include "connectors/kafka/kafka_mapping_source.h"
#include "connectors/kafka/mapping_record.h"
#include "connectors/kafka/record_log.h"
#include "core/base/random.h"
#include "tests/support/kafka.h"
#include "tests/support/publications.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;
using mapping::BlobKind;
using mapping::Manifest;
using std::chrono::steady_clock;
using test_support::OwnBroker;
using test_support::publication_of;
using test_support::PublicationSpec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string random_text(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

std::vector<std::uint64_t> numbers(const std::vector<Manifest>& manifests) {
  std::vector<std::uint64_t> versions;
  for (const Manifest& manifest : manifests) versions.push_back(manifest.info.version.value);
  return versions;
}

class KafkaMappings : public test_support::KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (!IsSkipped()) topic = make_topic(mapping_topic("mappings", 512 << 10));
  }

  std::unique_ptr<KafkaMappingSink> sink_of(std::uint32_t retain = 16,
                                            std::uint64_t chunk_bytes = 64 << 10) {
    auto made = KafkaMappingSink::create({.settings = settings,
                                          .topic = topic,
                                          .chunk_bytes = chunk_bytes,
                                          .retain_versions = retain,
                                          .timeout = 10s});
    REMAPD_CHECK(made.has_value(), "a test can make a sink");
    return std::move(*made);
  }
  std::unique_ptr<KafkaMappingSource> source_of(const std::string& table = "items") {
    auto made = KafkaMappingSource::create({.settings = settings, .topic = topic, .table = table});
    REMAPD_CHECK(made.has_value(), "a test can make a source");
    return std::move(*made);
  }
  // What the source reports until `count` versions have come.
  static std::vector<Manifest> report(KafkaMappingSource& source, std::size_t count,
                                      std::chrono::milliseconds patience = 15s) {
    std::vector<Manifest> all;
    const auto deadline = steady_clock::now() + patience;
    while (all.size() < count && steady_clock::now() < deadline) {
      auto polled = source.poll(200ms);
      if (!polled) {
        EXPECT_TRUE(polled.error().retryable) << polled.error().message;
        continue;
      }
      all.insert(all.end(), polled->begin(), polled->end());
    }
    return all;
  }
  static std::string text_of(const Result<mapping::BlobPtr>& blob) {
    return blob ? std::string(as_text((*blob)->view())) : "error: " + blob.error().message;
  }
  // The keys of what is in the topic, without tombstones.
  std::set<std::string> keys_there() {
    std::set<std::string> keys;
    auto log = RecordLog::create(settings, topic, 10s);
    EXPECT_TRUE(log);
    const auto range = (*log)->range();
    EXPECT_TRUE(range);
    const auto read = (*log)->read(range->low, range->high, [&](const LogRecord& record) {
      if (record.value) keys.emplace(record.key);
    });
    EXPECT_TRUE(read) << read.error().message;
    return keys;
  }

  std::string topic;
};

TEST_F(KafkaMappings, VersionsArriveWholeAndInOrder) {
  const auto sink = sink_of();
  const auto tenure = sink->take_over("items", "a");
  ASSERT_TRUE(tenure) << tenure.error().message;
  EXPECT_EQ(tenure->epoch, Epoch{1});
  EXPECT_FALSE(tenure->last);
  EXPECT_EQ(tenure->newest, kNoVersion);
  const auto source = source_of();
  EXPECT_THAT(report(*source, 1, 500ms), IsEmpty());

  // Larger than the broker's limit of one message, and a whole number of chunks.
  const std::string large = random_text(3 << 20, 1);
  const auto first = sink->publish(publication_of({.version = 1, .snapshot = large}));
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(sink->publish(publication_of(
      {.version = 2, .snapshot = "", .delta = random_text(100'001, 2), .plan = "plan 2"})));
  const auto manifests = report(*source, 2);
  ASSERT_THAT(numbers(manifests), ElementsAre(1, 2));
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), large);
  EXPECT_EQ(text_of(source->fetch(manifests[1], BlobKind::kDelta)), random_text(100'001, 2));
  EXPECT_EQ(text_of(source->fetch(manifests[1], BlobKind::kPlan)), "plan 2");
  EXPECT_EQ(text_of(source->fetch(manifests[1], BlobKind::kPlan)), "plan 2") << "as often as asked";
  const auto none = source->fetch(manifests[1], BlobKind::kSnapshot);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);

  // A later report frees the blobs; the topic still has them.
  ASSERT_TRUE(sink->publish(publication_of({.version = 3})));
  ASSERT_THAT(numbers(report(*source, 1)), ElementsAre(3));
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), large);
  EXPECT_EQ(text_of(sink->snapshot("items", Version{1})), large);
  const auto delta_only = sink->snapshot("items", Version{2});
  ASSERT_FALSE(delta_only);
  EXPECT_EQ(delta_only.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(text_of(sink->delta("items", Version{2})), random_text(100'001, 2));
  EXPECT_EQ(source->last_problem(), "");
  EXPECT_EQ(sink->last_problem(), "");
}

TEST_F(KafkaMappings, WhoComesLateBeginsAtTheNewestSnapshot) {
  const auto sink = sink_of();
  ASSERT_TRUE(sink->take_over("items", "a"));
  ASSERT_TRUE(sink->publish(publication_of({.version = 1})));
  ASSERT_TRUE(sink->publish(publication_of({.version = 2, .snapshot = "", .delta = "d2"})));
  ASSERT_TRUE(sink->publish(publication_of({.version = 3, .snapshot = "s3", .delta = "d3"})));
  ASSERT_TRUE(sink->publish(publication_of({.version = 4, .snapshot = "", .delta = "d4"})));
  const auto source = source_of();
  const auto manifests = report(*source, 2);
  ASSERT_THAT(numbers(manifests), ElementsAre(3, 4));
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), "s3");
  EXPECT_EQ(text_of(source->fetch(manifests[1], BlobKind::kDelta)), "d4");
}

TEST_F(KafkaMappings, WhoWasThereBeforeTheFirstMissesNone) {
  const auto source = source_of();
  EXPECT_THAT(report(*source, 1, 1'000ms), IsEmpty());
  const auto sink = sink_of();
  ASSERT_TRUE(sink->take_over("items", "a"));
  for (std::uint64_t version = 1; version <= 3; ++version) {
    ASSERT_TRUE(sink->publish(publication_of({.version = version})));
  }
  const auto manifests = report(*source, 3);
  ASSERT_THAT(numbers(manifests), ElementsAre(1, 2, 3));
  EXPECT_TRUE(source->fetch(manifests[0], BlobKind::kSnapshot));
}

TEST_F(KafkaMappings, TablesDoNotMix) {
  const auto sink = sink_of();
  const std::string odd = "a/b %ü";
  ASSERT_TRUE(sink->take_over("items", "a"));
  ASSERT_TRUE(sink->take_over(odd, "a"));
  ASSERT_TRUE(sink->publish(publication_of({.table = "items", .version = 1, .snapshot = "i1"})));
  ASSERT_TRUE(sink->publish(publication_of({.table = odd, .version = 1, .snapshot = "o1"})));
  ASSERT_TRUE(sink->publish(publication_of({.table = "items", .version = 2, .snapshot = "i2"})));
  const auto source = source_of(odd);
  const auto manifests = report(*source, 1);
  ASSERT_THAT(numbers(manifests), ElementsAre(1));
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), "o1");
}

TEST_F(KafkaMappings, ARestartGoesOnWithTheNextVersionAndAHigherEpoch) {
  {
    const auto sink = sink_of();
    ASSERT_TRUE(sink->take_over("items", "a"));
    ASSERT_TRUE(sink->publish(publication_of({.version = 1, .snapshot = "s1"})));
    ASSERT_TRUE(sink->publish(publication_of({.version = 2, .snapshot = "", .delta = "d2"})));
  }
  const auto sink = sink_of();
  const auto tenure = sink->take_over("items", "b");
  ASSERT_TRUE(tenure) << tenure.error().message;
  EXPECT_EQ(tenure->epoch, Epoch{2});
  EXPECT_EQ(tenure->newest, Version{2});
  ASSERT_TRUE(tenure->last);
  EXPECT_EQ(tenure->last->info.version, Version{2});
  EXPECT_EQ(tenure->last->content_hash, publication_of({.version = 2}).manifest.content_hash);
  EXPECT_EQ(text_of(sink->snapshot("items", Version{1})), "s1");
  const auto used = sink->publish(publication_of({.version = 2, .epoch = 2, .snapshot = "other"}));
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(sink->publish(publication_of({.version = 3, .epoch = 2})));
  EXPECT_TRUE(sink->publish(publication_of({.version = 3, .epoch = 2})))
      << "an attempt made again is no other version";
}

TEST_F(KafkaMappings, WhoWasTakenOverPublishesNoMore) {
  const auto old_sink = sink_of();
  ASSERT_TRUE(old_sink->take_over("items", "old"));
  ASSERT_TRUE(old_sink->publish(publication_of({.version = 1})));
  const auto source = source_of();
  ASSERT_THAT(numbers(report(*source, 1)), ElementsAre(1));

  const auto new_sink = sink_of();
  const auto tenure = new_sink->take_over("items", "new");
  ASSERT_TRUE(tenure);
  const auto refused = old_sink->publish(publication_of({.version = 2, .snapshot = "stale"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_THAT(refused.error().message, HasSubstr("instance new"));
  ASSERT_TRUE(new_sink->publish(publication_of({.version = 2, .epoch = 2, .snapshot = "good"})));
  const auto manifests = report(*source, 1);
  ASSERT_THAT(numbers(manifests), ElementsAre(2));
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), "good");
}

TEST_F(KafkaMappings, InATopicMadeAnewTheLastWhoTookOverPrevails) {
  const auto old_sink = sink_of();
  ASSERT_TRUE(old_sink->take_over("items", "old"));
  const std::string large = random_text(1 << 20, 3);  // a topic longer than the next one
  ASSERT_TRUE(old_sink->publish(publication_of({.version = 1, .snapshot = large})));
  const auto new_sink = sink_of();
  ASSERT_TRUE(new_sink->take_over("items", "new"));
  ASSERT_TRUE(new_sink->publish(publication_of({.version = 2, .epoch = 2})));

  ASSERT_TRUE(admin->delete_topic(topic));
  // Until brokers have forgotten the topic and know the new one.
  const auto patiently = [](const auto& action) {
    const auto deadline = steady_clock::now() + 30s;
    auto result = action();
    while (!result && result.error().retryable && steady_clock::now() < deadline) {
      std::this_thread::sleep_for(100ms);
      result = action();
    }
    return result;
  };
  const auto gone =
      new_sink->publish(publication_of({.version = 3, .epoch = 2, .snapshot = "third"}));
  ASSERT_FALSE(gone);
  EXPECT_TRUE(gone.error().retryable) << gone.error().message;
  const auto made = patiently([&] {
    auto created = admin->create_topic(mapping_topic(topic, 512 << 10));
    if (!created) created.error().retryable = true;
    return created;
  });
  ASSERT_TRUE(made) << made.error().message;
  const auto published = patiently([&] {
    return new_sink->publish(publication_of({.version = 3, .epoch = 2, .snapshot = "third"}));
  });
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_THAT(keys_there(), testing::Contains("items/claim"));
  const auto refused = patiently(
      [&] { return old_sink->publish(publication_of({.version = 2, .snapshot = "stale"})); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("instance new"));
  const auto source = source_of();
  const auto manifests = report(*source, 1);
  ASSERT_THAT(numbers(manifests), ElementsAre(3));
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), "third");
}

TEST_F(KafkaMappings, WhatAStalledInstanceStillWritesIsIgnoredAndReplacesNothing) {
  const auto old_sink = sink_of();
  ASSERT_TRUE(old_sink->take_over("items", "old"));
  ASSERT_TRUE(old_sink->publish(publication_of({.version = 1})));
  const auto new_sink = sink_of();
  ASSERT_TRUE(new_sink->take_over("items", "new"));
  ASSERT_TRUE(new_sink->publish(publication_of({.version = 2, .epoch = 2, .snapshot = "good"})));

  // The old one was past its checks when it stalled: its records come now.
  const auto stale = publication_of({.version = 2, .epoch = 1, .snapshot = "stale"});
  ClientRole role;
  role.on_delivery = [](const rd_kafka_message_t&) {};
  const auto client = KafkaClient::create(settings, role);
  ASSERT_TRUE(client);
  auto records = chunk_records(stale.manifest, BlobKind::kSnapshot, stale.blobs[0], 4096);
  records.push_back(manifest_record(stale.manifest, 4096));
  for (const Record& record : records) {
    const std::string key = to_string(record.key);
    std::string value = record.value->SerializeAsString();
    ASSERT_EQ(rd_kafka_producev((*client)->get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                                RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_KEY(key.data(), key.size()),
                                RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  ASSERT_EQ(rd_kafka_flush((*client)->get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);

  const auto source = source_of();
  const auto manifests = report(*source, 1);
  ASSERT_THAT(numbers(manifests), ElementsAre(2));
  EXPECT_EQ(manifests[0].info.epoch, Epoch{2});
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), "good");
  EXPECT_THAT(source->last_problem(), HasSubstr("stale epoch"));

  // The next publish removes what is left of it.
  ASSERT_TRUE(new_sink->publish(publication_of({.version = 3, .epoch = 2})));
  EXPECT_THAT(numbers(report(*source, 1)), ElementsAre(3));
  const auto third = sink_of();
  const auto tenure = third->take_over("items", "third");
  ASSERT_TRUE(tenure);
  EXPECT_EQ(tenure->newest, Version{3});
  EXPECT_EQ(text_of(third->snapshot("items", Version{2})), "good");
}

TEST_F(KafkaMappings, OfManyThatTakeOverAtOnceOneHoldsTheHighestEpoch) {
  constexpr int kInstances = 5;
  std::vector<std::unique_ptr<KafkaMappingSink>> sinks;
  for (int i = 0; i < kInstances; ++i) sinks.push_back(sink_of());
  std::vector<Epoch> epochs(kInstances);
  std::vector<std::thread> threads;
  for (int i = 0; i < kInstances; ++i) {
    threads.emplace_back([&, i] {
      const auto tenure = sinks[i]->take_over("items", "instance " + std::to_string(i));
      if (tenure) epochs[i] = tenure->epoch;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<Epoch>(epochs.begin(), epochs.end()).size(), kInstances)
      << "no epoch is held twice";
  const auto highest = std::max_element(epochs.begin(), epochs.end()) - epochs.begin();
  int published = 0;
  for (int i = 0; i < kInstances; ++i) {
    const auto result = sinks[i]->publish(publication_of({.version = 1, .epoch = epochs[i].value}));
    if (result) ++published;
    EXPECT_EQ(result.has_value(), i == highest);
  }
  EXPECT_EQ(published, 1);
}

TEST_F(KafkaMappings, OldVersionsAreDeletedAndCompactionKeepsTheRest) {
  TopicSpec spec = mapping_topic("compacted", 64 << 10);
  spec.config["min.compaction.lag.ms"] = "0";
  spec.config["delete.retention.ms"] = "0";
  spec.config["min.cleanable.dirty.ratio"] = "0.01";
  spec.config["segment.bytes"] = "100000";
  topic = make_topic(spec);
  const auto sink = sink_of(/*retain=*/2, /*chunk_bytes=*/16 << 10);
  ASSERT_TRUE(sink->take_over("items", "a"));
  for (std::uint64_t v = 1; v <= 8; ++v) {
    const bool snapshot = v % 3 == 0;  // 3 and 6
    const auto published =
        sink->publish(publication_of({.version = v,
                                      .snapshot = snapshot || v == 1 ? random_text(50'000, v) : "",
                                      .delta = v == 1 ? "" : random_text(20'000, 100 + v)}));
    ASSERT_TRUE(published) << published.error().message;
  }
  // Of the newest two, 7 and 8, only the snapshot before them makes sense.
  const auto is_old = [](const std::string& text) {
    const auto key = parse_record_key(text);
    return key && key->kind != RecordKind::kClaim && key->version < Version{6};
  };
  // The cleaner leaves the newest segment alone: more versions fill it.
  std::uint64_t next = 9;
  const auto deadline = steady_clock::now() + 60s;
  std::set<std::string> keys = keys_there();
  while (std::any_of(keys.begin(), keys.end(), is_old) && steady_clock::now() < deadline) {
    ASSERT_TRUE(sink->publish(publication_of(
        {.version = next, .snapshot = "", .delta = random_text(20'000, 100 + next)})));
    ++next;
    std::this_thread::sleep_for(500ms);
    keys = keys_there();
  }
  EXPECT_FALSE(std::any_of(keys.begin(), keys.end(), is_old)) << "compaction removes old versions";
  EXPECT_THAT(sink->last_problem(), HasSubstr("min.compaction.lag.ms is 0"));

  const auto source = source_of();
  const auto manifests = report(*source, next - 6);
  ASSERT_EQ(numbers(manifests).front(), 6U);
  ASSERT_EQ(manifests.size(), next - 6);
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), random_text(50'000, 6));
  EXPECT_EQ(text_of(source->fetch(manifests.back(), BlobKind::kDelta)),
            random_text(20'000, 100 + next - 1));
  const auto again = sink_of();
  const auto tenure = again->take_over("items", "b");
  ASSERT_TRUE(tenure);
  EXPECT_EQ(tenure->epoch, Epoch{2}) << "the claim is kept";
  EXPECT_EQ(tenure->newest, Version{next - 1});
  EXPECT_EQ(text_of(again->snapshot("items", Version{6})), random_text(50'000, 6));
}

TEST_F(KafkaMappings, ATopicThatCannotHoldVersionsIsRefused) {
  topic = make_event_topic();
  const auto refused = sink_of()->take_over("items", "a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_THAT(refused.error().message, HasSubstr("cleanup.policy"));

  topic = test_support::unique_name("not-there");
  const auto missing = sink_of()->take_over("items", "a");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(missing.error().retryable);
  const auto source = source_of();
  std::optional<Error> error;
  for (int i = 0; i < 50 && !error; ++i) {
    if (auto polled = source->poll(200ms); !polled) error = polled.error();
  }
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->retryable);
  EXPECT_THAT(error->message, HasSubstr(topic));

  ASSERT_TRUE(admin->create_topic(mapping_topic(topic, 64 << 10)));
  const auto sink = sink_of();
  ASSERT_TRUE(sink->take_over("items", "a"));
  ASSERT_TRUE(sink->publish(publication_of({.version = 1})));
  EXPECT_THAT(numbers(report(*source, 1, 30s)), ElementsAre(1)) << "the source has waited for it";
}

TEST_F(KafkaMappings, ChunksTooLargeForTheTopicNameTheKeyToChange) {
  TopicSpec spec = mapping_topic("small", 0);
  spec.config["max.message.bytes"] = "100000";
  topic = make_topic(spec);
  const auto sink = sink_of(16, 200 << 10);
  ASSERT_TRUE(sink->take_over("items", "a"));
  EXPECT_THAT(sink->last_problem(), HasSubstr("max.message.bytes"));
  const auto refused = sink->publish(publication_of({.snapshot = random_text(150'000, 3)}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_THAT(refused.error().message, HasSubstr("sink.kafka.chunk_bytes"));
  EXPECT_TRUE(sink->publish(publication_of({.version = 1, .snapshot = "small"})));
}

TEST_F(KafkaMappings, ABrokerThatGoesAwayIsWaitedFor) {
  OwnBroker broker;
  settings = test_support::settings_for(broker.address());
  auto own_admin = TopicAdmin::create(settings);
  ASSERT_TRUE(own_admin);
  topic = "mappings";
  ASSERT_TRUE((*own_admin)->create_topic(mapping_topic(topic, 64 << 10)));
  auto made = KafkaMappingSink::create(
      {.settings = settings, .topic = topic, .chunk_bytes = 64 << 10, .timeout = 2s});
  ASSERT_TRUE(made);
  KafkaMappingSink& sink = **made;
  ASSERT_TRUE(sink.take_over("items", "a"));
  ASSERT_TRUE(sink.publish(publication_of({.version = 1})));
  const auto source = source_of();
  ASSERT_THAT(numbers(report(*source, 1)), ElementsAre(1));

  broker.kill();
  const auto second = publication_of({.version = 2, .snapshot = random_text(300'000, 2)});
  const auto down = sink.publish(second);
  ASSERT_FALSE(down);
  EXPECT_TRUE(down.error().retryable) << down.error().message;
  EXPECT_EQ(down.error().code, ErrorCode::kUnavailable);
  std::optional<Error> error;
  for (int i = 0; i < 50 && !error; ++i) {
    if (auto polled = source->poll(200ms); !polled) error = polled.error();
  }
  ASSERT_TRUE(error) << "a broker that is gone is told";
  EXPECT_TRUE(error->retryable);

  broker.start();
  Result<void> published;
  const auto deadline = steady_clock::now() + 40s;
  do {
    published = sink.publish(second);
  } while (!published && published.error().retryable && steady_clock::now() < deadline);
  ASSERT_TRUE(published) << published.error().message;
  const auto manifests = report(*source, 1, 40s);
  ASSERT_THAT(numbers(manifests), ElementsAre(2));
  EXPECT_EQ(text_of(source->fetch(manifests[0], BlobKind::kSnapshot)), random_text(300'000, 2));
  const auto late = source_of();
  EXPECT_THAT(numbers(report(*late, 1)), ElementsAre(2));
}

}  // namespace
}  // namespace remapd::kafka
