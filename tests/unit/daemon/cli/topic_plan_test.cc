#include "daemon/cli/topic_plan.h"

#include <gtest/gtest.h>

namespace remapd::cli {
namespace {

TEST(TopicPlan, HasTheTopicsThatAreUsed) {
  config::Config config;
  EXPECT_TRUE(plan_topics(config, 4).empty());
  config.source.kind = config::SourceKind::kKafka;
  config.sink.kind = config::SinkKind::kKafka;
  config.dead_letter.kind = config::DeadLetterKind::kKafka;
  const auto topics = plan_topics(config, 4);
  ASSERT_EQ(topics.size(), 3U);
  EXPECT_EQ(topics[0].key, "source.kafka.topic");
  EXPECT_EQ(topics[0].spec.name, "remap.events");
  EXPECT_EQ(topics[0].spec.partitions, 4U);
  EXPECT_EQ(topics[1].key, "sink.kafka.topic");
  EXPECT_EQ(topics[1].spec.partitions, 1U);
  EXPECT_EQ(topics[1].spec.config.at("cleanup.policy"), "compact");
  EXPECT_EQ(topics[2].spec.name, "remap.dead-letters");
}

TEST(TopicPlan, NamesTheListThatATopicIsIn) {
  config::Config config;
  config.source.kind = config::SourceKind::kKafka;
  config.source.kafka.topics = {"a"};
  config.source.kafka.positive_topics = {"b"};
  config.source.kafka.negative_topics = {"c"};
  std::string all;
  for (const PlannedTopic& topic : plan_topics(config, 1)) {
    EXPECT_TRUE(topic.events);
    all += topic.key + "=" + topic.spec.name + " ";
  }
  EXPECT_EQ(all,
            "source.kafka.topics=a source.kafka.positive_topics=b source.kafka.negative_topics=c ");
}

}  // namespace
}  // namespace remapd::cli
