#include "daemon/application/kafka_ports.h"

#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/kafka_dead_letter_sink.h"
#include "connectors/kafka/kafka_event_source.h"
#include "connectors/kafka/kafka_mapping_sink.h"
#include "connectors/kafka/kafka_topics_source.h"
#include "daemon/application/telling_sink.h"
#include "daemon/config/record_layout.h"
#include "daemon/config/secret_path.h"

namespace remapd::application {
namespace {

// A Kafka source whose notices are told in the log.
template <class Source>
class TellingSource final : public pipeline::EventSource {
 public:
  TellingSource(std::unique_ptr<Source> source, logging::Logger& log)
      : source_(std::move(source)), log_(log) {}

  Result<void> start(const pipeline::StreamOffsets& from) override {
    auto result = source_->start(from);
    tell();
    return result;
  }
  Result<pipeline::PollOutcome> poll(pipeline::EventBatch& into,
                                     std::chrono::milliseconds timeout) override {
    auto result = source_->poll(into, timeout);
    tell();
    return result;
  }
  pipeline::StreamOffsets offsets() const override { return source_->offsets(); }
  Result<void> commit(const pipeline::StreamOffsets& offsets) override {
    return source_->commit(offsets);
  }
  pipeline::SourceCounters counters() const override { return source_->counters(); }

 private:
  void tell() {
    for (const std::string& notice : source_->take_notices()) {
      log_.warning("events", {{"notice", notice}});
    }
  }

  std::unique_ptr<Source> source_;
  logging::Logger& log_;
};

config::LogLevel level_of(kafka::LogSeverity severity) {
  switch (severity) {
    case kafka::LogSeverity::kDebug:
      return config::LogLevel::kDebug;
    case kafka::LogSeverity::kInfo:
      return config::LogLevel::kInfo;
    case kafka::LogSeverity::kWarning:
      return config::LogLevel::kWarning;
    case kafka::LogSeverity::kError:
      break;
  }
  return config::LogLevel::kError;
}

kafka::StartAt start_at(config::StartAt start) {
  return start == config::StartAt::kLatest ? kafka::StartAt::kLatest : kafka::StartAt::kEarliest;
}

kafka::OutOfRange out_of_range(config::OutOfRange policy) {
  switch (policy) {
    case config::OutOfRange::kLatest:
      return kafka::OutOfRange::kLatest;
    case config::OutOfRange::kStop:
      return kafka::OutOfRange::kStop;
    case config::OutOfRange::kEarliest:
      break;
  }
  return kafka::OutOfRange::kEarliest;
}

}  // namespace

kafka::KafkaSettings kafka_settings(const config::Config& config, std::string_view section,
                                    const config::Properties& properties, logging::Logger& log) {
  kafka::KafkaSettings settings;
  settings.brokers = config.kafka.brokers;
  settings.layers.push_back({"kafka.properties", config.kafka.properties});
  if (!section.empty()) settings.layers.push_back({std::string(section), properties});
  settings.secret_files.section = "kafka.secret_files";
  for (const auto& [property, path] : config.kafka.secret_files) {
    settings.secret_files.values[property] = config::secret_path(path);
  }
  settings.log = [&log](const kafka::LogLine& line) {
    log.write(level_of(line.severity), "librdkafka",
              {{"client", line.client}, {"facility", line.facility}, {"text", line.text}});
  };
  return settings;
}

Result<std::unique_ptr<pipeline::EventSource>> open_kafka_source(
    const config::Config& config, const pipeline::FeatureSchema& schema,
    pipeline::DeadLetterSink* dead_letters, logging::Logger& log) {
  const config::KafkaSource& from = config.source.kafka;
  std::vector<std::unique_ptr<kafka::KafkaEventSource>> sources;
  for (const config::EventTopic& topic : from.event_topics()) {
    auto source = kafka::KafkaEventSource::create(
        {.settings = kafka_settings(config, "source.kafka.properties", from.properties, log),
         .topic = topic.name,
         .group = from.group.empty() ? config.instance.name : from.group,
         .start = start_at(from.start),
         .out_of_range = out_of_range(from.out_of_range),
         .decode = config::decode_options(config),
         .label = topic.label},
        schema, dead_letters);
    if (!source) return fail(std::move(source).error().with_context("[source.kafka]"));
    sources.push_back(std::move(*source));
  }
  if (sources.size() == 1) {
    return std::make_unique<TellingSource<kafka::KafkaEventSource>>(std::move(sources.front()),
                                                                    log);
  }
  return std::make_unique<TellingSource<kafka::KafkaTopicsSource>>(
      std::make_unique<kafka::KafkaTopicsSource>(std::move(sources)), log);
}

Result<std::unique_ptr<pipeline::DeadLetterSink>> open_kafka_dead_letters(
    const config::Config& config, logging::Logger& log) {
  auto sink = kafka::KafkaDeadLetterSink::create(
      {.settings = kafka_settings(config, "dead_letter.kafka.properties",
                                  config.dead_letter.kafka_properties, log),
       .topic = config.dead_letter.kafka_topic});
  if (!sink) return fail(std::move(sink).error().with_context("[dead_letter.kafka]"));
  return std::move(*sink);
}

Result<std::unique_ptr<mapping::MappingSink>> open_kafka_sink(const config::Config& config,
                                                              logging::Logger& log) {
  auto sink = kafka::KafkaMappingSink::create(
      {.settings =
           kafka_settings(config, "sink.kafka.properties", config.sink.kafka_properties, log),
       .topic = config.sink.kafka_topic,
       .chunk_bytes = config.sink.kafka_chunk_bytes,
       .retain_versions = config.sink.retain_versions});
  if (!sink) return fail(std::move(sink).error().with_context("[sink.kafka]"));
  return std::make_unique<TellingSink<kafka::KafkaMappingSink>>(std::move(*sink), log);
}

}  // namespace remapd::application
