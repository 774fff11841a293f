// The commands that reach Kafka, against a real broker: topics, check-config, generate.
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

}  // namespace
}  // namespace remapd::cli
