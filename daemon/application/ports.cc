#include "daemon/application/ports.h"

#include <filesystem>
#include <utility>

#include "connectors/checkpoint/file_checkpoint_store.h"
#include "connectors/files/dead_letter_file.h"
#include "connectors/files/directory_sink.h"
#include "connectors/files/durable_file.h"
#include "connectors/files/log_source.h"
#include "daemon/application/kafka_ports.h"
#include "daemon/application/log_options.h"
#include "daemon/application/telling_sink.h"
#include "daemon/logging/dead_letter_log.h"

namespace remapd::application {
namespace {

// Each opens one port into `ports`.

Result<void> open_dead_letters(const config::Config& config, logging::Logger& log,
                               const Clock& clock, Ports& ports) {
  if (config.dead_letter.kind == config::DeadLetterKind::kFile) {
    auto file = files::DeadLetterFile::create({.path = config.dead_letter.file_path,
                                               .max_bytes = config.dead_letter.file_max_bytes,
                                               .keep_rotated = config.dead_letter.file_keep});
    if (!file) return fail(std::move(file).error().with_context("[dead_letter.file]"));
    ports.dead_letter_store = std::move(*file);
  } else if (config.dead_letter.kind == config::DeadLetterKind::kKafka) {
    auto topic = open_kafka_dead_letters(config, log);
    if (!topic) return fail(std::move(topic).error());
    ports.dead_letter_store = std::move(*topic);
  }
  ports.dead_letters =
      std::make_unique<logging::DeadLetterLog>(ports.dead_letter_store.get(), log, clock);
  return {};
}

Result<void> open_checkpoints(const config::Config& config, Ports& ports) {
  if (config.checkpoint.dir.empty()) return {};
  auto store = checkpoint::FileCheckpointStore::create(
      {.directory = config.checkpoint.dir, .keep = config.checkpoint.keep});
  if (!store) return fail(std::move(store).error().with_context("[checkpoint]"));
  ports.checkpoints = std::move(*store);
  return {};
}

Result<void> open_sink(const config::Config& config, logging::Logger& log, Ports& ports) {
  if (config.sink.kind == config::SinkKind::kKafka) {
    auto topic = open_kafka_sink(config, log);
    if (!topic) return fail(std::move(topic).error());
    ports.sink = std::move(*topic);
    return {};
  }
  using files::DirectoryMappingSink;
  auto directory = DirectoryMappingSink::create(
      {.directory = config.sink.directory_path, .retain_versions = config.sink.retain_versions});
  if (!directory) return fail(std::move(directory).error().with_context("[sink.directory]"));
  ports.sink = std::make_unique<TellingSink<DirectoryMappingSink>>(std::move(*directory), log);
  return {};
}

Result<void> open_source(const config::Config& config, const pipeline::FeatureSchema& schema,
                         logging::Logger& log, Ports& ports) {
  if (config.source.kind == config::SourceKind::kKafka) {
    auto topic = open_kafka_source(config, schema, ports.dead_letters.get(), log);
    if (!topic) return fail(std::move(topic).error());
    ports.source = std::move(*topic);
    return {};
  }
  auto file = files::LogSource::create(log_options(config), schema, ports.dead_letters.get());
  if (!file) return fail(std::move(file).error().with_context("[source.file]"));
  ports.source = std::move(*file);
  return {};
}

}  // namespace

std::string stream_name(const config::Config& config) {
  if (config.source.kind == config::SourceKind::kKafka) {
    std::string name = "kafka";
    for (const config::EventTopic& topic : config.source.kafka.event_topics()) {
      name += " " + topic.name;
    }
    return name;
  }
  // The same file has the same name however it was written.
  const std::string& path = config.source.file.path;
  std::error_code ignored;
  const auto canonical = std::filesystem::weakly_canonical(path, ignored);
  return "file " + (canonical.empty() ? path : canonical.string());
}

namespace {

void warn_of_directory(const std::string& key, const std::string& path, logging::Logger& log) {
  if (files::syncs_directories(path)) return;
  log.warning(
      "the file system does not sync directories: what is saved there last may be lost in a "
      "power cut",
      {{"key", key}, {"path", path}});
}

}  // namespace

Result<Ports> open_ports(const config::Config& config, const pipeline::FeatureSchema& schema,
                         logging::Logger& log, const Clock& clock) {
  Ports ports;
  ports.stream = stream_name(config);
  auto opened = open_dead_letters(config, log, clock, ports)
                    .and_then([&] { return open_source(config, schema, log, ports); })
                    .and_then([&] { return open_sink(config, log, ports); })
                    .and_then([&] { return open_checkpoints(config, ports); });
  if (!opened) return fail(std::move(opened).error());
  if (ports.checkpoints) warn_of_directory("checkpoint.dir", config.checkpoint.dir, log);
  if (config.sink.kind == config::SinkKind::kDirectory) {
    warn_of_directory("sink.directory.path", config.sink.directory_path, log);
  }
  return ports;
}

}  // namespace remapd::application
