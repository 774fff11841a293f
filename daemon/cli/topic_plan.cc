#include "daemon/cli/topic_plan.h"

namespace remapd::cli {

std::vector<PlannedTopic> plan_topics(const config::Config& config, std::uint32_t partitions) {
  std::vector<PlannedTopic> topics;
  if (config.source.kind == config::SourceKind::kKafka) {
    const config::KafkaSource& source = config.source.kafka;
    for (const config::EventTopic& topic : source.event_topics()) {
      topics.push_back({.key = std::string(source.key_of(topic)),
                        .events = true,
                        .spec = kafka::event_topic(topic.name, partitions)});
    }
  }
  if (config.sink.kind == config::SinkKind::kKafka) {
    topics.push_back(
        {.key = "sink.kafka.topic",
         .spec = kafka::mapping_topic(config.sink.kafka_topic, config.sink.kafka_chunk_bytes)});
  }
  if (config.dead_letter.kind == config::DeadLetterKind::kKafka) {
    topics.push_back({.key = "dead_letter.kafka.topic",
                      .spec = kafka::dead_letter_topic(config.dead_letter.kafka_topic)});
  }
  return topics;
}

}  // namespace remapd::cli
