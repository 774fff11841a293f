#include "daemon/config/config.h"

namespace remapd::config {

Result<pipeline::EngineConfig> Config::engine_config() const {
  pipeline::EngineConfig engine;
  engine.tables = tables;
  engine.co_access_dimension = learning.co_access_dimension;
  engine.factors = learning.factors;
  engine.mini_batch = learning.mini_batch;
  engine.tick_samples = learning.tick_samples;
  engine.seed = learning.seed;
  for (const Feature& feature : features) {
    const std::string& wanted = feature.table.empty() ? feature.name : feature.table;
    std::uint32_t t = 0;
    while (t < tables.size() && tables[t].name != wanted) ++t;
    if (t == tables.size()) {
      return fail(ErrorCode::kConfig, "feature \"" + feature.name + "\" feeds table \"" + wanted +
                                          "\", and there is no such table");
    }
    engine.features.push_back({feature.name, TableIndex{t}});
  }
  if (auto ok = engine.validate(); !ok) return fail(std::move(ok).error());
  return engine;
}

std::vector<EventTopic> KafkaSource::event_topics() const {
  std::vector<EventTopic> all;
  for (const std::string& name : topics) all.push_back({name});
  for (const std::string& name : positive_topics) all.push_back({name, 1.0F});
  for (const std::string& name : negative_topics) all.push_back({name, 0.0F});
  if (all.empty()) all.push_back({topic});
  return all;
}

std::string_view KafkaSource::key_of(const EventTopic& of) const {
  if (of.label)
    return *of.label > 0 ? "source.kafka.positive_topics" : "source.kafka.negative_topics";
  return topics.empty() ? "source.kafka.topic" : "source.kafka.topics";
}

std::string_view to_string(SourceKind kind) {
  return kind == SourceKind::kFile ? "file" : "kafka";
}

std::string_view to_string(SinkKind kind) {
  return kind == SinkKind::kDirectory ? "directory" : "kafka";
}

std::string_view to_string(DeadLetterKind kind) {
  switch (kind) {
    case DeadLetterKind::kFile:
      return "file";
    case DeadLetterKind::kKafka:
      return "kafka";
    case DeadLetterKind::kNone:
      break;
  }
  return "none";
}

std::string_view to_string(AtEnd at_end) {
  return at_end == AtEnd::kStop ? "stop" : "wait";
}

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      break;
  }
  return "error";
}

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (to_string(level) == name) return level;
  }
  return std::nullopt;
}

}  // namespace remapd::config
