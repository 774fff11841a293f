#include "connectors/kafka/kafka_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace remapd::kafka {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

KafkaSettings with(Properties properties, std::string section = "kafka.properties") {
  KafkaSettings settings;
  settings.brokers = "broker:9092";
  settings.layers.push_back({std::move(section), std::move(properties)});
  return settings;
}

TEST(KafkaSettings, LaterLayersWinAndDefaultsGiveWay) {
  KafkaSettings settings = with({{"linger.ms", "1"}, {"acks", "1"}});
  settings.layers.push_back({"sink.kafka.properties", {{"linger.ms", "2"}}});
  const auto resolved = resolve(settings, {{"linger.ms", "9"}, {"retries", "3"}}, {});
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->at("linger.ms").value, "2");
  EXPECT_EQ(resolved->at("linger.ms").key, "sink.kafka.properties.\"linger.ms\"");
  EXPECT_EQ(resolved->at("acks").value, "1");
  EXPECT_EQ(resolved->at("retries").value, "3");
  EXPECT_EQ(resolved->at("bootstrap.servers").value, "broker:9092");
}

TEST(KafkaSettings, FixedPropertiesMaySayTheSameButNothingElse) {
  const std::vector<FixedProperty> fixed = {{"acks", "all", "versions must not be lost"}};
  EXPECT_TRUE(resolve(with({{"acks", "all"}}), {}, fixed));
  const auto refused = resolve(with({{"acks", "1"}}), {}, fixed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_THAT(refused.error().message, HasSubstr("kafka.properties.\"acks\""));
  EXPECT_THAT(refused.error().message, HasSubstr("versions must not be lost"));
  EXPECT_EQ(resolve(with({}), {{"acks", "0"}}, fixed)->at("acks").value, "all");
}

TEST(KafkaSettings, BrokersAreNoProperty) {
  for (const char* name : {"bootstrap.servers", "metadata.broker.list"}) {
    const auto refused = resolve(with({{name, "other:9092"}}), {}, {});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("kafka.brokers"));
  }
  EXPECT_FALSE(resolve(KafkaSettings{}, {}, {}));
}

TEST(KafkaSettings, SecretsComeFromFilesAndAreNeverShown) {
  const test_support::TempDir dir;
  test_support::write_file(dir / "password", "swordfish\n");
  KafkaSettings settings = with(
      {{"sasl.username", "me"}, {"sasl.mechanism", "PLAIN"}, {"ssl.key.password", "also secret"}});
  settings.secret_files = {"kafka.secret_files", {{"sasl.password", (dir / "password").string()}}};
  const auto resolved = resolve(settings, {}, {});
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->at("sasl.password").value, "swordfish");

  const std::string told = describe(settings);
  EXPECT_THAT(told, HasSubstr("brokers=broker:9092"));
  EXPECT_THAT(told, HasSubstr("sasl.username=me"));
  EXPECT_THAT(told, HasSubstr("sasl.password=***"));
  EXPECT_THAT(told, HasSubstr("ssl.key.password=***"));
  EXPECT_THAT(told, Not(HasSubstr("swordfish")));
  EXPECT_THAT(told, Not(HasSubstr("also secret")));
}

TEST(KafkaSettings, ASecretsFileThatCannotBeReadNamesItsKey) {
  const test_support::TempDir dir;
  KafkaSettings settings = with({});
  settings.secret_files = {"kafka.secret_files", {{"sasl.password", (dir / "none").string()}}};
  const auto missing = resolve(settings, {}, {});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("kafka.secret_files.\"sasl.password\""));
  EXPECT_THAT(missing.error().message, HasSubstr("No such file"));
  test_support::write_file(dir / "none", "\n");
  const auto empty = resolve(settings, {}, {});
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, HasSubstr("is empty"));
}

TEST(KafkaSettings, SecretPropertiesAreKnown) {
  for (const char* name :
       {"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
        "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config"}) {
    EXPECT_TRUE(is_secret(name)) << name;
  }
  for (const char* name : {"sasl.username", "sasl.mechanism", "ssl.ca.location", "linger.ms"}) {
    EXPECT_FALSE(is_secret(name)) << name;
  }
}

}  // namespace
}  // namespace remapd::kafka
