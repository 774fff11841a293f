// What needs no broker; the rest: tests/integration/kafka_mappings_test.cc.
#include "connectors/kafka/kafka_mapping_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_mapping_source.h"
#include "tests/support/publications.h"

namespace remapd::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

KafkaMappingSinkOptions options() {
  KafkaMappingSinkOptions options;
  options.settings.brokers = "127.0.0.1:1";
  options.topic = "mappings";
  options.timeout = 300ms;
  return options;
}

TEST(KafkaMappingSink, BoundsNameTheirKeys) {
  auto small = options();
  small.chunk_bytes = 1;
  const auto chunk = KafkaMappingSink::create(small);
  ASSERT_FALSE(chunk);
  EXPECT_THAT(chunk.error().message, HasSubstr("sink.kafka.chunk_bytes"));
  auto none = options();
  none.retain_versions = 0;
  const auto retain = KafkaMappingSink::create(none);
  ASSERT_FALSE(retain);
  EXPECT_THAT(retain.error().message, HasSubstr("sink.retain_versions"));
}

TEST(KafkaMappingSink, DurabilityCannotBeGivenUp) {
  auto lax = options();
  lax.settings.layers = {{"sink.kafka.properties", {{"acks", "1"}}}};
  const auto sink = KafkaMappingSink::create(lax);
  ASSERT_FALSE(sink);
  EXPECT_THAT(sink.error().message, HasSubstr("sink.kafka.properties.\"acks\""));
}

TEST(KafkaMappingSink, WithoutABrokerTakingOverCanBeTriedAgain) {
  const auto sink = KafkaMappingSink::create(options());
  ASSERT_TRUE(sink) << sink.error().message;
  const auto tenure = (*sink)->take_over("items", "a");
  ASSERT_FALSE(tenure);
  EXPECT_TRUE(tenure.error().retryable);
  const auto published = (*sink)->publish(test_support::publication_of({}));
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::kInvalidArgument) << "not taken over";
}

TEST(KafkaMappingSource, NeedsATable) {
  const auto source =
      KafkaMappingSource::create({.settings = options().settings, .topic = "m", .table = ""});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace remapd::kafka
