// Whether what a configuration names can be reached from here: the log, directories that can be
// written, the Kafka cluster and its topics, which can be read. Nothing is created or changed.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "daemon/config/config.h"
#include "daemon/logging/logger.h"

namespace remapd::cli {

struct Finding {
  std::string what;  // "source.file.path events.tsv.gz"
  Result<void> result;
  std::string note{};  // worth knowing though nothing is wrong
};

// Blocks for at most about ten seconds for each topic.
std::vector<Finding> reach(const config::Config& config, logging::Logger& log);

}  // namespace remapd::cli
