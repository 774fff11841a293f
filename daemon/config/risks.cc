#include "daemon/config/risks.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "daemon/config/key.h"

namespace remapd::config {
namespace {

using Risks = std::vector<std::string>;

void add_durability(const Config& config, Risks& risks) {
  if (config.checkpoint.dir.empty()) {
    risks.emplace_back("checkpoint.dir is empty: a restart begins with empty statistics");
  } else if (config.checkpoint.keep == 1) {
    risks.emplace_back("checkpoint.keep is 1: if that one is damaged, a restart cannot go on");
  }
  if (config.dead_letter.kind == DeadLetterKind::kNone) {
    risks.emplace_back("dead_letter.kind is \"none\": events that cannot be read are only counted");
  }
}

void add_publishing(const Config& config, Risks& risks) {
  const Publish& publish = config.publish;
  if (publish.first_samples > publish.full_samples) {
    risks.emplace_back(
        "publish.first_samples is above publish.full_samples: the first version comes after "
        "full_samples already");
  }
  if (publish.gates.min_samples > publish.first_samples) {
    risks.emplace_back(
        "publish.gates.min_samples is above publish.first_samples: the first versions will be "
        "refused");
  }
  if (publish.interval > 0ms && publish.interval < publish.min_interval &&
      !config.waits_for_publish()) {
    risks.emplace_back("publish.interval is below publish.min_interval, which wins");
  }
  if (config.waits_for_publish() && publish.interval > 0ms) {
    risks.emplace_back("publish.interval makes the versions of a replay depend on the clock");
  }
  for (const auto& table : config.tables) {
    if (table.rows <= table.max_tracked_ids) continue;
    risks.push_back("table \"" + table.name +
                    "\": rows is above max_tracked_ids: some rows can never be used by an id of "
                    "their own");
  }
}

void add_kafka_source(const Config& config, Risks& risks) {
  if (config.source.kind != SourceKind::kKafka) return;
  if (config.waits_for_publish()) {
    risks.emplace_back(
        "publish.wait_for_publish is true: reading from Kafka stands still while a version is "
        "built and published");
  }
  if (config.source.kafka.start == StartAt::kLatest) {
    risks.emplace_back(
        "source.kafka.start is \"latest\": what partitions hold that no checkpoint knows, those "
        "added later included, is never read");
  }
  if (config.source.kafka.out_of_range == OutOfRange::kLatest) {
    risks.emplace_back(
        "source.kafka.out_of_range is \"latest\": if the checkpoint's offset is gone, events that "
        "are still there are skipped");
  }
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Of the connections that one role makes: its own properties lie over those of all.
void add_connection(const Properties& all, const Properties& secret_files, const Properties& own,
                    Risks& risks) {
  const auto value = [&](std::string_view name) -> std::string {
    for (const Properties* layer : {&own, &all}) {
      if (const auto it = layer->find(name); it != layer->end()) return lower(it->second);
    }
    return {};
  };
  const auto add = [&](std::string risk) {
    if (std::find(risks.begin(), risks.end(), risk) == risks.end()) {
      risks.push_back(std::move(risk));
    }
  };
  const std::string protocol = value("security.protocol");
  const bool encrypted = protocol == "ssl" || protocol == "sasl_ssl";
  const bool signs_on = !value("sasl.username").empty() || secret_files.contains("sasl.password");
  if (protocol == "sasl_plaintext") {
    add("kafka.properties: security.protocol is \"sasl_plaintext\": events and credentials go over "
        "the network unencrypted; use \"sasl_ssl\"");
  } else if (signs_on && !protocol.starts_with("sasl_")) {
    add("kafka.properties: there are SASL credentials, but security.protocol is " +
        (protocol.empty() ? std::string("not set") : string_literal(protocol)) +
        ": they are not used; use \"sasl_ssl\"");
  }
  if (encrypted && value("enable.ssl.certificate.verification") == "false") {
    add("kafka.properties: enable.ssl.certificate.verification is false: anyone may pose as a "
        "broker");
  } else if (encrypted && value("ssl.endpoint.identification.algorithm") == "none") {
    add("kafka.properties: ssl.endpoint.identification.algorithm is \"none\": any holder of "
        "a certificate of the same authority may pose as a broker");
  }
}

void add_kafka_connections(const Config& config, Risks& risks) {
  const Kafka& kafka = config.kafka;
  const auto add = [&](const Properties& own) {
    add_connection(kafka.properties, kafka.secret_files, own, risks);
  };
  if (config.source.kind == SourceKind::kKafka) add(config.source.kafka.properties);
  if (config.sink.kind == SinkKind::kKafka) add(config.sink.kafka_properties);
  if (config.dead_letter.kind == DeadLetterKind::kKafka) add(config.dead_letter.kafka_properties);
}

}  // namespace

std::vector<std::string> risks_of(const Config& config) {
  Risks risks;
  add_durability(config, risks);
  add_publishing(config, risks);
  add_kafka_source(config, risks);
  add_kafka_connections(config, risks);
  return risks;
}

}  // namespace remapd::config
