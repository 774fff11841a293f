// The Kafka topics that a configuration names, with the settings each needs.
#pragma once

#include <string>
#include <vector>

#include "connectors/kafka/topic_admin.h"
#include "daemon/config/config.h"

namespace remapd::cli {

struct PlannedTopic {
  std::string key;      // "sink.kafka.topic"
  bool events = false;  // whether events are read from it
  kafka::TopicSpec spec;
};

// `partitions`: of the topic of events, should it be created.
std::vector<PlannedTopic> plan_topics(const config::Config& config, std::uint32_t partitions);

}  // namespace remapd::cli
