// The whole daemon between a real broker's topics: events in, mapping versions out.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/client.h"
#include "connectors/kafka/kafka_mapping_source.h"
#include "tests/support/daemon_run.h"
#include "tests/support/kafka.h"

namespace remapd::application {
namespace {

using test_support::KafkaTest;
using test_support::TempDir;
using testing::HasSubstr;

// As for a log file, but from and to topics; versions as often as there is anything new.
config::Config config_for(const std::filesystem::path& dir, const std::string& brokers,
                          const std::string& events, const std::string& mappings,
                          const std::string& letters) {
  config::Config config = config_in(dir);
  config.kafka.brokers = brokers;
  config.source.kind = config::SourceKind::kKafka;
  config.source.kafka.topic = events;
  config.sink.kind = config::SinkKind::kKafka;
  config.sink.kafka_topic = mappings;
  config.dead_letter.kind = config::DeadLetterKind::kKafka;
  config.dead_letter.kafka_topic = letters;
  config.publish.min_interval = 0ms;
  return config;
}

// A fixed number of samples a message, so that counts come out even.
constexpr std::uint64_t kPerMessage = 100;

class Events {
 public:
  Events() : generator_(make()) {}

  void send(kafka::KafkaEventProducer& producer, std::uint64_t samples) {
    for (std::uint64_t sent = 0; sent < samples; sent += kPerMessage) {
      generator_.next(batch_);
      ASSERT_TRUE(producer.send(batch_, generator_.schema()));
    }
    const auto flushed = producer.flush();
    ASSERT_TRUE(flushed) << flushed.error().message;
  }

 private:
  static files::EventGenerator make() {
    files::GeneratorConfig config;
    config.samples_per_message = kPerMessage;
    config.users = 2'000;
    config.items = 1'000;
    config.communities = 20;
    config.categories = 10;
    return files::EventGenerator::create(config).value();
  }
  files::EventGenerator generator_;
  pipeline::EventBatch batch_;
};

class DaemonOnKafka : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    events_ = make_event_topic(2);
    mappings_ = make_topic(kafka::mapping_topic("mappings", 256 << 10));
    letters_ = make_topic(kafka::dead_letter_topic("letters"));
  }

  config::Config make_config() const {
    return config_for(dir_.path(), settings.brokers, events_, mappings_, letters_);
  }
  Result<Version> publish_now(DaemonRun& run, const std::string& table) {
    return await_answer<Version>([&](auto answer) { run->publish_now(table, std::move(answer)); },
                                 60s);
  }
  // A client that serves what the topic holds.
  std::unique_ptr<client::Client> client_of(const std::string& table, std::uint32_t rows) {
    auto source = kafka::KafkaMappingSource::create(
        {.settings = settings, .topic = mappings_, .table = table});
    auto client = client::Client::create(std::move(source.value()), {.table = table, .rows = rows});
    EXPECT_TRUE((*client)->poll(30s));
    while ((*client)->swap_next(client::Unmigrated::kAllow)) {
    }
    return std::move(*client);
  }
  void expect_lookups_of(DaemonRun& run, const std::string& table, std::uint32_t rows) {
    const auto heaviest = await_answer<std::vector<pipeline::IdStats>>(
        [&](auto answer) {
          run->heaviest(table, 1'000'000, pipeline::RowRole::kAny, std::move(answer));
        },
        60s);
    ASSERT_TRUE(heaviest);
    ASSERT_FALSE(heaviest->empty());
    const auto client = client_of(table, rows);
    std::vector<Id> ids;
    for (const auto& id : *heaviest) ids.push_back(id.id);
    std::vector<Row> looked_up(ids.size());
    auto reader = client->reader();
    reader.pin().lookup(ids, looked_up);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(looked_up[i], (*heaviest)[i].row) << table << " id " << ids[i];
    }
  }

  TempDir dir_;
  std::string events_;
  std::string mappings_;
  std::string letters_;
};

TEST_F(DaemonOnKafka, EventsBecomeVersionsThatClientsFollow) {
  Events events;
  const auto producer = producer_of(events_);
  events.send(*producer, 3'000);
  ASSERT_TRUE(producer->send(as_bytes("\x01 no access batch")));
  events.send(*producer, 3'000);
  const config::Config config = make_config();
  DaemonRun run(config);
  ASSERT_TRUE(run.wait_for_samples(6'000));
  ASSERT_TRUE(run.wait_for([](const Status& s) { return s.input.dead_letters == 1; }));
  for (const auto& table : config.tables) {
    const auto version = publish_now(run, table.name);
    ASSERT_TRUE(version) << version.error().message;
    EXPECT_GE(*version, Version{2});
    expect_lookups_of(run, table.name, table.rows);
  }
  ASSERT_TRUE(run.stop());
  EXPECT_EQ(run->status()->samples, 6'000U);
  EXPECT_EQ(run->status()->input.lost_events, 0U);
}

TEST_F(DaemonOnKafka, ARestartCountsEverySampleOnceAndGoesOnWithTheNextVersion) {
  Events events;
  const auto producer = producer_of(events_);
  Version before;
  for (int life = 1; life <= 3; ++life) {
    SCOPED_TRACE(life);
    events.send(*producer, 2'000);
    DaemonRun run(make_config());
    ASSERT_TRUE(run.wait_for_samples(2'000U * life));
    const auto version = publish_now(run, "item");
    ASSERT_TRUE(version) << version.error().message;
    EXPECT_GT(*version, before);
    expect_lookups_of(run, "item", 150);
    ASSERT_TRUE(run.stop());
    EXPECT_EQ(run->status()->samples, 2'000U * life);
    before = *version;
  }
  // Numbers without a gap.
  auto source = kafka::KafkaMappingSource::create(
      {.settings = settings, .topic = mappings_, .table = "item"});
  const auto manifests = (*source)->poll(30s);
  ASSERT_TRUE(manifests);
  ASSERT_FALSE(manifests->empty());
  for (std::size_t i = 1; i < manifests->size(); ++i) {
    EXPECT_EQ((*manifests)[i].info.version.value, (*manifests)[i - 1].info.version.value + 1);
  }
  EXPECT_EQ(manifests->back().info.version, before);
}

TEST_F(DaemonOnKafka, WithoutItsCheckpointItGoesOnFromTheNewestVersion) {
  Events events;
  events.send(*producer_of(events_), 2'000);
  Version before;
  {
    DaemonRun run(make_config());
    ASSERT_TRUE(run.wait_for_samples(2'000));
    before = publish_now(run, "item").value();
    ASSERT_TRUE(run.stop());
  }
  std::filesystem::remove_all(dir_ / "checkpoints");
  DaemonRun run(make_config());
  ASSERT_TRUE(run.wait_for_samples(2'000));  // read again from the beginning
  EXPECT_GT(publish_now(run, "item").value(), before);
  expect_lookups_of(run, "item", 150);
  ASSERT_TRUE(run.stop());
}

TEST_F(DaemonOnKafka, ASecondInstanceEndsTheFirst) {
  Events events;
  events.send(*producer_of(events_), 2'000);
  DaemonRun first(make_config());
  ASSERT_TRUE(first.wait_for_samples(2'000));
  ASSERT_TRUE(publish_now(first, "item"));
  config::Config config = make_config();
  config.checkpoint.dir = dir_ / "other";
  DaemonRun second(config);
  ASSERT_TRUE(second.wait_for_samples(2'000));
  EXPECT_EQ(publish_now(first, "item").error().code, ErrorCode::kConflict);
  const auto end = first->join();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(publish_now(second, "item"));
  expect_lookups_of(second, "item", 150);
  ASSERT_TRUE(second.stop());
}

// It waits for its topic, says so, and nobody else notices.
TEST_F(DaemonOnKafka, ASecondInstanceWithoutItsTopicHarmsNobody) {
  Events events;
  events.send(*producer_of(events_), 2'000);
  DaemonRun first(make_config());
  ASSERT_TRUE(first.wait_for_samples(2'000));
  ASSERT_TRUE(publish_now(first, "item"));
  config::Config config = make_config();
  config.checkpoint.dir = dir_ / "other";
  config.source.kafka.topic = events_ + "-misspelt";
  DaemonRun second(config);
  ASSERT_TRUE(second.wait_for(
      [](const Status& s) { return s.problem.find("-misspelt") != std::string::npos; }));
  EXPECT_TRUE(publish_now(first, "item"));
  EXPECT_TRUE(second.stop());
  EXPECT_TRUE(publish_now(first, "item"));
  ASSERT_TRUE(first.stop());
}

TEST_F(DaemonOnKafka, ASecondInstanceWhoseCheckpointDoesNotFitHarmsNobody) {
  Events events;
  events.send(*producer_of(events_), 2'000);
  config::Config config = make_config();
  config.checkpoint.interval = 200ms;
  DaemonRun first(config);
  ASSERT_TRUE(first.wait_for([](const Status& s) { return s.checkpoint.last_samples > 0; }));
  config.tables[0].max_tracked_ids *= 2;
  DaemonRun second(config);
  const auto end = second->join();
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message, HasSubstr("max_tracked_ids"));
  EXPECT_TRUE(publish_now(first, "item"));
  ASSERT_TRUE(first.stop());
}

TEST_F(DaemonOnKafka, RollsBackToAVersionOfTheTopic) {
  Events events;
  const auto producer = producer_of(events_);
  events.send(*producer, 2'000);
  DaemonRun run(make_config());
  ASSERT_TRUE(run.wait_for_samples(2'000));
  const Version old = publish_now(run, "item").value();
  events.send(*producer, 2'000);
  ASSERT_TRUE(run.wait_for_samples(4'000));
  ASSERT_TRUE(publish_now(run, "item"));
  const auto rolled_back = await_answer<Version>(
      [&](auto answer) { run->roll_back("item", old, std::move(answer)); }, 60s);
  ASSERT_TRUE(rolled_back) << rolled_back.error().message;
  const auto client = client_of("item", 150);
  EXPECT_EQ(client->served(), *rolled_back);
  ASSERT_TRUE(run.stop());
}

TEST(DaemonOnItsOwnBroker, OutlivesTheBrokersRestart) {
  if (test_support::brokers_from_environment().empty()) {
    GTEST_SKIP() << "REMAPD_KAFKA_BROKERS is not set: run this by scripts/kafka-broker run -- ...";
  }
  test_support::OwnBroker broker;
  const auto settings = test_support::settings_for(broker.address());
  {
    auto admin = kafka::TopicAdmin::create(settings).value();
    ASSERT_TRUE(admin->create_topic(kafka::event_topic("events", 1)));
    ASSERT_TRUE(admin->create_topic(kafka::mapping_topic("mappings", 256 << 10)));
    ASSERT_TRUE(admin->create_topic(kafka::dead_letter_topic("letters")));
  }
  const TempDir dir;
  Events events;
  const auto send = [&] {
    auto producer = kafka::KafkaEventProducer::create({.settings = settings, .topic = "events"});
    ASSERT_TRUE(producer) << producer.error().message;
    events.send(**producer, 2'000);
  };
  send();
  DaemonRun run(config_for(dir.path(), broker.address(), "events", "mappings", "letters"));
  ASSERT_TRUE(run.wait_for_samples(2'000));
  // Nothing is under way then that would have to be given up first.
  ASSERT_TRUE(run.wait_for([](const Status& s) {
    return std::ranges::all_of(s.tables, [](const auto& table) { return table.published > 0; });
  }));
  broker.kill();
  // Nothing can be published now; it is tried again until it can.
  std::promise<Result<Version>> published;
  run->publish_now("item", [&](Result<Version> result) { published.set_value(std::move(result)); });
  EXPECT_TRUE(run.wait_for([](const Status& s) {
    return std::ranges::any_of(s.tables, [](const auto& table) { return !table.problem.empty(); });
  }));
  EXPECT_FALSE(run->finished());
  broker.start();
  const auto version = published.get_future().get();
  ASSERT_TRUE(version) << version.error().message;
  send();
  ASSERT_TRUE(run.wait_for_samples(4'000));
  EXPECT_EQ(run->status()->samples, 4'000U);
  EXPECT_TRUE(run.wait_for([](const Status& s) { return s.problem.empty(); }));
  ASSERT_TRUE(run.stop());
}

}  // namespace
}  // namespace remapd::application
