#include "daemon/cli/topic_plan.h"

namespace remapd::cli {

std::vector<PlannedTopic> plan_topics(const config::Config& config, std::uint32_t partitions) {
  std::vector<PlannedTopic> topics;
  if (config.source.kind == config::SourceKind::kKafka) {
    topics.push_back(
        {"source.kafka.topic", kafka::event_topic(config.source.kafka.topic, partitions)});
  }
  if (config.sink.kind == config::SinkKind::kKafka) {
    topics.push_back({"sink.kafka.topic", kafka::mapping_topic(config.sink.kafka_topic,
                                                               config.sink.kafka_chunk_bytes)});
  }
  if (config.dead_letter.kind == config::DeadLetterKind::kKafka) {
    topics.push_back(
        {"dead_letter.kafka.topic", kafka::dead_letter_topic(config.dead_letter.kafka_topic)});
  }
  return topics;
}

}  // namespace remapd::cli
