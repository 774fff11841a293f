#include "daemon/config/risks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config_text.h"

namespace remapd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Config on_kafka() {
  Config config = reference_config();
  config.source.kind = SourceKind::kKafka;
  config.sink.kind = SinkKind::kKafka;
  return config;
}

TEST(Risks, TheReferenceHasNone) {
  EXPECT_THAT(risks_of(reference_config()), IsEmpty());
  EXPECT_THAT(risks_of(on_kafka()), IsEmpty());
}

TEST(Risks, AreNamedWithTheirKeys) {
  Config config = reference_config();
  config.checkpoint.dir = "";
  config.dead_letter.kind = DeadLetterKind::kNone;
  config.publish.first_samples = 200'000;
  config.publish.gates.min_samples = 300'000;
  config.publish.interval = 5s;
  config.tables[2].rows = 20'000;
  EXPECT_THAT(
      risks_of(config),
      ElementsAre(HasSubstr("checkpoint.dir"), HasSubstr("dead_letter.kind"),
                  HasSubstr("publish.first_samples"), HasSubstr("publish.gates.min_samples"),
                  HasSubstr("publish.interval"), HasSubstr("max_tracked_ids")));
  config = reference_config();
  config.checkpoint.keep = 1;
  EXPECT_THAT(risks_of(config), ElementsAre(HasSubstr("checkpoint.keep")));
}

TEST(Risks, OfReadingFromKafka) {
  Config config = on_kafka();
  config.publish.wait_for_publish = true;
  config.source.kafka.start = StartAt::kLatest;
  config.source.kafka.out_of_range = OutOfRange::kLatest;
  EXPECT_THAT(risks_of(config), ElementsAre(HasSubstr("wait_for_publish"), HasSubstr("kafka.start"),
                                            HasSubstr("out_of_range")));
  config.source.kind = SourceKind::kFile;
  EXPECT_THAT(risks_of(config), IsEmpty());
}

TEST(Risks, OfCredentialsThatAreNotProtected) {
  Config config = on_kafka();
  config.kafka.properties = {{"security.protocol", "SASL_PLAINTEXT"}, {"sasl.username", "remapd"}};
  EXPECT_THAT(risks_of(config), ElementsAre(HasSubstr("unencrypted")));
  config.kafka.properties["security.protocol"] = "SASL_SSL";
  EXPECT_THAT(risks_of(config), IsEmpty());
  config.kafka.properties.erase("security.protocol");
  EXPECT_THAT(risks_of(config), ElementsAre(HasSubstr("is not set: they are not used")));
  config.kafka.properties = {{"security.protocol", "ssl"}};
  config.kafka.secret_files = {{"sasl.password", "password"}};
  EXPECT_THAT(risks_of(config), ElementsAre(HasSubstr("is \"ssl\": they are not used")));
}

TEST(Risks, OfBrokersThatAreNotVerified) {
  Config config = on_kafka();
  config.kafka.properties = {{"security.protocol", "ssl"},
                             {"enable.ssl.certificate.verification", "false"}};
  EXPECT_THAT(risks_of(config), ElementsAre(HasSubstr("certificate.verification")));
  config.kafka.properties = {{"security.protocol", "ssl"}};
  config.sink.kafka_properties = {{"ssl.endpoint.identification.algorithm", "none"}};
  EXPECT_THAT(risks_of(config), ElementsAre(HasSubstr("identification.algorithm")))
      << "a role's own properties count as well";
}

}  // namespace
}  // namespace remapd::config
