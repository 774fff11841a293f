// The ports that lead to Kafka, as the configuration describes them. Nothing here needs the brokers
// to be up: what is wrong with a property is found at once (kConfig, naming it), everything else
// when the port is used.
//
// librdkafka's log lines go to `log`, which must outlive what is opened.
#pragma once

#include <memory>
#include <string_view>

#include "connectors/kafka/kafka_settings.h"
#include "core/base/result.h"
#include "core/mapping/mapping_sink.h"
#include "core/pipeline/dead_letter_sink.h"
#include "core/pipeline/event_source.h"
#include "core/pipeline/feature_schema.h"
#include "daemon/config/config.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

// What reaches the cluster: [kafka], and over it the properties of the client's own `section`
// (empty: none). Relative paths of secrets are those of $CREDENTIALS_DIRECTORY where it has such a
// file.
kafka::KafkaSettings kafka_settings(const config::Config& config, std::string_view section,
                                    const config::Properties& properties, logging::Logger& log);

// `dead_letters` may be null and must outlive the source.
Result<std::unique_ptr<pipeline::EventSource>> open_kafka_source(
    const config::Config& config, const pipeline::FeatureSchema& schema,
    pipeline::DeadLetterSink* dead_letters, logging::Logger& log);
Result<std::unique_ptr<pipeline::DeadLetterSink>> open_kafka_dead_letters(
    const config::Config& config, logging::Logger& log);
Result<std::unique_ptr<mapping::MappingSink>> open_kafka_sink(const config::Config& config,
                                                              logging::Logger& log);

}  // namespace remapd::application
