// The outside world of a daemon, as its configuration names it: event source, mapping sink, dead
// letters and checkpoints.
#pragma once

#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/mapping/mapping_sink.h"
#include "core/pipeline/checkpoint_store.h"
#include "core/pipeline/dead_letter_sink.h"
#include "core/pipeline/event_source.h"
#include "core/pipeline/feature_schema.h"
#include "daemon/config/config.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

struct Ports {
  // In the order of their destruction, backwards: the source writes to the dead letters.
  std::unique_ptr<pipeline::DeadLetterSink> dead_letter_store;  // null: letters are only counted
  std::unique_ptr<pipeline::DeadLetterSink>
      dead_letters;  // before it, telling the log; may be null
  std::unique_ptr<pipeline::CheckpointStore> checkpoints;  // null: none are kept
  std::unique_ptr<mapping::MappingSink> sink;
  std::unique_ptr<pipeline::EventSource> source;
  // Names the stream whose offsets a checkpoint holds: "file /var/log/events.tsv.gz", "kafka
  // remap.events".
  std::string stream;
};

// Ports::stream of this configuration.
std::string stream_name(const config::Config& config);

// Opens everything; nothing is read or taken over yet. Messages name the section to change. `log`
// and `clock` must outlive the ports.
Result<Ports> open_ports(const config::Config& config, const pipeline::FeatureSchema& schema,
                         logging::Logger& log, const Clock& clock);

}  // namespace remapd::application
