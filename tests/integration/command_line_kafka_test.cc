// The commands that reach Kafka, against a real broker: topics, check-config, generate,
// inspect-events, compare, build.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_event_source.h"
#include "tests/support/kafka.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/daemon/cli/invoke.h"

namespace remapd::cli {
namespace {

using namespace std::chrono_literals;
using test_support::KafkaTest;
using test_support::write_file;
using testing::HasSubstr;

class CommandLineKafka : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    write_file(config_, "[source]\nkind = \"kafka\"\n[source.kafka]\ntopic = \"" + events_ +
                            "\"\n[sink]\nkind = \"kafka\"\n[sink.kafka]\ntopic = \"" + mappings_ +
                            "\"\n[dead_letter]\nkind = \"none\"\n[checkpoint]\ndir = \"\"\n"
                            "[kafka]\nbrokers = \"" +
                            settings.brokers +
                            "\"\n[[table]]\nname = \"item\"\nrows = 10\n[[feature]]\nname = "
                            "\"item\"\n");
  }
  test_support::TempDir dir_;
  std::string config_ = (dir_ / "c.toml").string();
  std::string events_ = test_support::unique_name("cli-events");
  std::string mappings_ = test_support::unique_name("cli-mappings");
};

TEST_F(CommandLineKafka, TopicsAreFoundMissingThenCreatedThenSuit) {
  const auto missing = invoke({"topics", "--config", config_});
  EXPECT_EQ(missing.code, ExitCode::kFailure);
  EXPECT_THAT(missing.out, HasSubstr("missing  " + events_));
  const auto unready = invoke({"check-config", "--config", config_});
  EXPECT_EQ(unready.code, ExitCode::kConfig);
  EXPECT_THAT(unready.out, HasSubstr("remapd topics --create"));
  const auto created = invoke({"topics", "--config", config_, "--create", "--partitions", "3"});
  EXPECT_EQ(created.code, ExitCode::kOk) << created.out << created.err;
  EXPECT_THAT(created.out, HasSubstr(events_ + " (source.kafka.topic): 3 partitions"));
  EXPECT_THAT(created.out, HasSubstr(mappings_ + " (sink.kafka.topic): 1 partition,"));
  const auto there = invoke({"topics", "--config", config_});
  EXPECT_EQ(there.code, ExitCode::kOk) << there.out;
  EXPECT_THAT(there.out, testing::Not(HasSubstr("created")));
  const auto ready = invoke({"check-config", "--config", config_});
  EXPECT_EQ(ready.code, ExitCode::kOk) << ready.out << ready.err;
}

TEST_F(CommandLineKafka, ATopicThatDoesNotSuitIsTold) {
  ASSERT_TRUE(admin->create_topic(kafka::event_topic(events_, 1)));
  ASSERT_TRUE(admin->create_topic(kafka::event_topic(mappings_, 2)));  // not compacted
  const auto told = invoke({"topics", "--config", config_, "--create"});
  EXPECT_EQ(told.code, ExitCode::kFailure);
  EXPECT_THAT(told.out, HasSubstr("problem  " + mappings_));
  EXPECT_THAT(told.out, HasSubstr("compact"));
  EXPECT_THAT(told.out, HasSubstr("ok       " + events_));
}

TEST_F(CommandLineKafka, GeneratedEventsArrive) {
  ASSERT_TRUE(admin->create_topic(kafka::event_topic(events_, 2)));
  const auto sent = invoke({"generate", "--topic", events_, "--brokers", settings.brokers,
                            "--samples", "1000", "--users", "300", "--items", "300"});
  ASSERT_EQ(sent.code, ExitCode::kOk) << sent.err;
  EXPECT_THAT(sent.out, HasSubstr("1,024 samples of user, item, category written to topic"));
  auto source =
      kafka::KafkaEventSource::create({.settings = settings, .topic = events_, .group = events_},
                                      pipeline::FeatureSchema({{"item", TableIndex{0}}}), nullptr);
  ASSERT_TRUE(source);
  ASSERT_TRUE((*source)->start({}));
  pipeline::EventBatch batch;
  std::size_t samples = 0;
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (samples < 1024 && std::chrono::steady_clock::now() < deadline) {
    const auto polled = (*source)->poll(batch, 500ms);
    if (polled && *polled == pipeline::PollOutcome::kBatch) samples += batch.samples();
  }
  EXPECT_EQ(samples, 1024U);
  const auto nowhere =
      invoke({"generate", "--topic", test_support::unique_name("void"), "--brokers",
              settings.brokers, "--property", "allow.auto.create.topics=false"});
  EXPECT_EQ(nowhere.code, ExitCode::kTemporary) << nowhere.err;
}

// A team's first steps on its own topic: each command reads what the one before has written.
TEST_F(CommandLineKafka, ATopicIsInspectedComparedAndBuiltFrom) {
  ASSERT_TRUE(admin->create_topic(kafka::event_topic(events_, 3)));
  const auto producer = producer_of(events_);
  for (int i = 0; i < 6000; ++i) {
    const std::string event = fmt::format(
        R"({{"at":{},"event":"{}","context":{{"user":{{"id":"u{}"}}}},"items":[{{"sku":"B{}"}}]}})",
        1'740'823'200 + i / 2, i % 3 == 0 ? "click" : "view", i * 7 % 1500, i * 11 % 2500);
    ASSERT_TRUE(producer->send(as_bytes(event)));
  }
  ASSERT_TRUE(producer->send(as_bytes(std::string_view("{\"items\":[{\"sku\":1.5}]}"))));
  ASSERT_TRUE(producer->flush());

  const auto inspected =
      invoke({"inspect-events", "--topic", events_, "--brokers", settings.brokers});
  ASSERT_EQ(inspected.code, ExitCode::kOk) << inspected.err;
  EXPECT_THAT(inspected.out, HasSubstr("6,001 records read"));
  EXPECT_THAT(inspected.out, HasSubstr("6,000 samples, 1 refused"));
  EXPECT_THAT(inspected.out, HasSubstr("label_true = [\"click\"]"));
  EXPECT_THAT(inspected.out, HasSubstr("path = \"context.user.id\""));
  const std::string written = (dir_ / "inspected.toml").string();
  write_file(written, inspected.out);

  const auto checked = invoke({"check-config", "--config", written});
  EXPECT_EQ(checked.code, ExitCode::kOk) << checked.out << checked.err;
  const auto compared = invoke(
      {"compare", "--config", written, "--rows", "10%", "--strategies", "full,hash", "--json"});
  ASSERT_EQ(compared.code, ExitCode::kOk) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("\"samples\": 6000"));
  const auto built = invoke({"build", "--config", written, "--out", (dir_ / "built").string()});
  EXPECT_EQ(built.code, ExitCode::kOk) << built.err;
  EXPECT_THAT(invoke({"inspect-events", "--topic", test_support::unique_name("none"), "--brokers",
                      settings.brokers})
                  .err,
              HasSubstr("does not exist"));
}

}  // namespace
}  // namespace remapd::cli
