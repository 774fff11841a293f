#include "daemon/application/kafka_ports.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_lines.h"
#include "tests/support/temp_dir.h"

namespace remapd::application {
namespace {

using test_support::TempDir;
using testing::HasSubstr;

TEST(KafkaSettings, LayersAClientsOwnPropertiesOverTheCommonOnes) {
  config::Config config;
  config.kafka.brokers = "a:1,b:2";
  config.kafka.properties = {{"security.protocol", "SSL"}};
  test_support::LogLines log;
  const auto settings =
      kafka_settings(config, "sink.kafka.properties", {{"linger.ms", "5"}}, log.log());
  EXPECT_EQ(settings.brokers, "a:1,b:2");
  ASSERT_EQ(settings.layers.size(), 2U);
  EXPECT_EQ(settings.layers[0].section, "kafka.properties");
  EXPECT_EQ(settings.layers[0].values.at("security.protocol"), "SSL");
  EXPECT_EQ(settings.layers[1].section, "sink.kafka.properties");
  EXPECT_EQ(settings.layers[1].values.at("linger.ms"), "5");
  EXPECT_EQ(kafka_settings(config, "", {}, log.log()).layers.size(), 1U);
}

TEST(KafkaSettings, SecretsAreLookedForAmongTheCredentials) {
  const TempDir dir;
  test_support::write_file(dir / "kafka-password", "hidden");
  config::Config config;
  config.kafka.secret_files = {{"sasl.password", "kafka-password"},
                               {"ssl.key.password", "elsewhere"},
                               {"ssl.keystore.password", "/absolute"}};
  test_support::LogLines log;
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", dir.path().c_str(), 1), 0);
  const auto with = kafka_settings(config, "", {}, log.log()).secret_files;
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
  const auto without = kafka_settings(config, "", {}, log.log()).secret_files;
  EXPECT_EQ(with.section, "kafka.secret_files");
  EXPECT_EQ(with.values.at("sasl.password"), (dir / "kafka-password").string());
  EXPECT_EQ(with.values.at("ssl.key.password"), "elsewhere");
  EXPECT_EQ(with.values.at("ssl.keystore.password"), "/absolute");
  EXPECT_EQ(without.values.at("sasl.password"), "kafka-password");
}

TEST(KafkaSettings, LinesOfTheLibraryReachTheLog) {
  test_support::LogLines log;
  const auto settings = kafka_settings({}, "", {}, log.log());
  settings.log({.severity = kafka::LogSeverity::kWarning,
                .client = "remapd#consumer-1",
                .facility = "FAIL",
                .text = "connection refused"});
  EXPECT_THAT(log.text(), HasSubstr(" warning librdkafka client=remapd#consumer-1 facility=FAIL "
                                    "text=\"connection refused\""));
}

}  // namespace
}  // namespace remapd::application
