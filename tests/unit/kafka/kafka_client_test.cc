#include "connectors/kafka/kafka_client.h"

#include <mutex>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kafka/mock_cluster.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(KafkaClient, APropertyThatIsRefusedNamesItsKey) {
  KafkaSettings settings;
  settings.brokers = "localhost:1";
  settings.layers = {{"sink.kafka.properties", {{"no.such.property", "1"}}}};
  const auto unknown = KafkaClient::create(settings, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kConfig);
  EXPECT_THAT(unknown.error().message, HasSubstr("sink.kafka.properties.\"no.such.property\""));

  settings.layers = {{"kafka.properties", {{"socket.timeout.ms", "soon"}}}};
  const auto value = KafkaClient::create(settings, {});
  ASSERT_FALSE(value);
  EXPECT_THAT(value.error().message, HasSubstr("kafka.properties.\"socket.timeout.ms\""));
  EXPECT_THAT(value.error().message, HasSubstr("soon"));
}

TEST(KafkaClient, ASecretThatIsRefusedIsNotQuoted) {
  KafkaSettings settings;
  settings.brokers = "localhost:1";
  settings.layers = {
      {"kafka.properties", {{"ssl.key.pem", "swordfish"}, {"security.protocol", "ssl"}}}};
  const auto refused = KafkaClient::create(settings, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, Not(HasSubstr("swordfish")));
}

TEST(KafkaClient, NobodyThereIsToldWithoutWaitingForever) {
  KafkaSettings settings;
  settings.brokers = "127.0.0.1:1";
  std::mutex mutex;
  std::vector<std::string> lines;
  settings.log = [&](const LogLine& line) {
    const std::lock_guard lock(mutex);
    lines.emplace_back(line.text);
  };
  const auto client = KafkaClient::create(settings, {});
  ASSERT_TRUE(client);
  const auto count = (*client)->partition_count("events", 300ms);
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(count.error().retryable);
  EXPECT_THAT(count.error().message, HasSubstr("kafka.brokers"));
  const auto marks = (*client)->watermarks("events", 0, 300ms);
  ASSERT_FALSE(marks);
  EXPECT_TRUE(marks.error().retryable);
  for (int i = 0; i < 100 && !(*client)->trouble(); ++i) (*client)->poll(100ms);
  ASSERT_TRUE((*client)->trouble());
  EXPECT_THAT((*client)->trouble()->message, HasSubstr("127.0.0.1:1"));
  (*client)->clear_trouble();
  EXPECT_FALSE((*client)->trouble());
  const std::lock_guard lock(mutex);
  EXPECT_FALSE(lines.empty()) << "librdkafka's own lines reach the callback";
}

TEST(KafkaClient, CountsPartitionsAndFindsTheEndsOfTheirLogs) {
  MockCluster cluster;
  cluster.create_topic("events", 3);
  const auto client = KafkaClient::create(cluster.settings(), {});
  ASSERT_TRUE(client);
  EXPECT_EQ((*client)->partition_count("events", 5s).value(), 3U);
  const auto ends = (*client)->log_ends("events", 3, KafkaClient::LogEnd::kEnd, 5s);
  ASSERT_TRUE(ends) << ends.error().message;
  EXPECT_EQ(*ends, (std::vector<std::int64_t>{0, 0, 0}));
}

TEST(KafkaErrors, TellWhetherWaitingHelps) {
  EXPECT_EQ(to_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "x").code, ErrorCode::kNotFound);
  EXPECT_TRUE(to_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "x").retryable);
  EXPECT_TRUE(to_error(RD_KAFKA_RESP_ERR__TRANSPORT, "x").retryable);
  EXPECT_TRUE(to_error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "x").retryable);
  EXPECT_FALSE(to_error(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "x").retryable);
  EXPECT_EQ(to_error(RD_KAFKA_RESP_ERR__QUEUE_FULL, "x").code, ErrorCode::kResource);
  EXPECT_THAT(to_error(RD_KAFKA_RESP_ERR__TRANSPORT, "reading").message, HasSubstr("reading: "));
  EXPECT_THAT(no_such_topic("events").message, HasSubstr("\"events\" does not exist"));
}

}  // namespace
}  // namespace remapd::kafka
