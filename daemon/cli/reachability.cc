#include "daemon/cli/reachability.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "connectors/files/durable_file.h"
#include "connectors/files/log_source.h"
#include "core/pipeline/feature_schema.h"
#include "daemon/admin/credentials.h"
#include "daemon/application/kafka_ports.h"
#include "daemon/application/log_options.h"
#include "daemon/cli/topic_plan.h"

namespace remapd::cli {
namespace fs = std::filesystem;
namespace {

// A directory that is there and can be written, or that could be made.
Result<void> can_write(const fs::path& directory) {
  fs::path at = fs::absolute(directory).lexically_normal();
  std::error_code ignored;
  while (!fs::exists(at, ignored) && at.has_relative_path()) at = at.parent_path();
  if (!fs::is_directory(at, ignored)) {
    return fail(ErrorCode::kIo, at.string() + ": it is not a directory");
  }
  if (::access(at.c_str(), W_OK | X_OK) != 0) {
    return fail(files::system_error(at, "write to", errno));
  }
  return {};
}

Result<void> can_read_log(const config::Config& config) {
  const auto engine = config.engine_config();
  if (!engine) return fail(engine.error());
  const auto source = files::LogSource::create(application::log_options(config),
                                               pipeline::FeatureSchema(engine->features), nullptr);
  if (!source) return fail(source.error());
  return {};
}

Result<void> can_use_credentials(const config::Admin& settings) {
  const auto credentials = admin::load_credentials(settings);
  if (!credentials) return fail(credentials.error());
  return {};
}

Result<void> suits(kafka::TopicAdmin& admin, const PlannedTopic& topic) {
  const auto state = admin.inspect(topic.spec.name);
  if (!state) return fail(state.error());
  if (!state->exists) {
    return fail(ErrorCode::kConfig,
                "there is no such topic: create it with \"remapd topics --create\"");
  }
  std::string all;
  for (const std::string& objection : kafka::objections(topic.spec, *state)) {
    all += (all.empty() ? "" : "; ") + objection;
  }
  if (!all.empty()) return fail(ErrorCode::kConfig, std::move(all));
  return {};
}

// Rights, too: both wait for the brokers' answer.
Result<void> can_read_events(const config::Config& config, logging::Logger& log) {
  const auto engine = config.engine_config();
  if (!engine) return fail(engine.error());
  auto source = application::open_kafka_source(config, pipeline::FeatureSchema(engine->features),
                                               nullptr, log);
  if (!source) return fail(std::move(source).error());
  return (*source)->start({});
}

Result<void> can_read_versions(const config::Config& config, logging::Logger& log) {
  auto sink = application::open_kafka_sink(config, log);
  if (!sink) return fail(std::move(sink).error());
  const auto tenure = (*sink)->examine(config.tables.front().name);
  if (!tenure) return fail(tenure.error());
  return {};
}

void reach_topics(const config::Config& config, logging::Logger& log,
                  std::vector<Finding>& findings) {
  const std::vector<PlannedTopic> topics = plan_topics(config, 1);
  if (topics.empty()) return;
  kafka::KafkaSettings settings = application::kafka_settings(config, "", {}, log);
  settings.log = {};  // the finding says it
  auto admin = kafka::TopicAdmin::create(settings);
  if (!admin) {
    findings.push_back({"kafka.brokers " + config.kafka.brokers, fail(std::move(admin).error())});
    return;
  }
  bool events_read = false;
  for (const PlannedTopic& topic : topics) {
    const std::string what = topic.key + " " + topic.spec.name;
    findings.push_back({what, suits(**admin, topic)});
    if (!findings.back().result && findings.back().result.error().retryable) return;
    if (!findings.back().result) continue;
    if (topic.events) {
      // All of them at once, so once; the finding names the topic.
      if (!std::exchange(events_read, true)) {
        findings.push_back({"reading events", can_read_events(config, log)});
      }
    } else if (topic.key == "sink.kafka.topic") {
      findings.push_back({"reading " + what, can_read_versions(config, log)});
    }
  }
}

}  // namespace

std::vector<Finding> reach(const config::Config& config, logging::Logger& log) {
  std::vector<Finding> findings;
  if (config.source.kind == config::SourceKind::kFile) {
    findings.push_back({"source.file.path " + config.source.file.path, can_read_log(config)});
  }
  if (config.sink.kind == config::SinkKind::kDirectory) {
    findings.push_back({"sink.directory.path " + config.sink.directory_path,
                        can_write(config.sink.directory_path)});
  }
  if (config.dead_letter.kind == config::DeadLetterKind::kFile) {
    const std::string& path = config.dead_letter.file_path;
    findings.push_back(
        {"dead_letter.file.path " + path, can_write(fs::absolute(path).parent_path())});
  }
  if (!config.checkpoint.dir.empty()) {
    findings.push_back(
        {"checkpoint.dir " + config.checkpoint.dir, can_write(config.checkpoint.dir)});
  }
  if (!config.admin.token_file.empty() || !config.admin.tls_key_file.empty()) {
    findings.push_back({"admin token and certificate", can_use_credentials(config.admin)});
  }
  reach_topics(config, log, findings);
  return findings;
}

}  // namespace remapd::cli
