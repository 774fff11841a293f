// Recorded logs, one after another, or what topics hold, batch by batch, with progress on the
// terminal.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "connectors/files/log_reader.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"
#include "daemon/application/status.h"
#include "daemon/cli/console.h"
#include "daemon/config/config.h"

namespace remapd::cli {

struct FeedCounts {
  std::uint64_t samples = 0;
  std::uint64_t labelled = 0;
  double label_sum = 0;
  std::uint64_t ids = 0;
  std::uint64_t rejected = 0;             // records that could not be read
  std::vector<std::string> reject_notes;  // of the first few: where and why
  std::uint64_t unknown_features = 0;     // columns that the schema does not have
  std::vector<application::FeatureStatus> features;
};

// Whether what was read is what the configuration says: samples, of which most could be read, with
// each of its features, and with labels where they were asked for. kCorrupt names all that is
// wrong.
Result<void> check_counts(const FeedCounts& counts, const config::Config& config);

inline constexpr std::uint64_t kAllSamples = std::numeric_limits<std::uint64_t>::max();
using TakeBatch = std::function<void(const pipeline::EventBatch&)>;

// The events of `logs`; where there are none, of the configuration's source: its log, or all that
// its topics hold when reading begins. `options` say how logs are read (application::log_options).
// The rest as of feed_logs().
Result<FeedCounts> feed_events(const std::vector<std::string>& logs, const config::Config& config,
                               const files::LogFileOptions& options,
                               const pipeline::FeatureSchema& schema, std::string_view what,
                               Console& console, const TakeBatch& take,
                               std::uint64_t at_most = kAllSamples);

// Reads `options` with each of `logs` as its path and hands every batch to `take`, until there are
// `at_most` samples or more. `what` begins the progress line. Errors name the log.
Result<FeedCounts> feed_logs(const std::vector<std::string>& logs, files::LogFileOptions options,
                             const pipeline::FeatureSchema& schema, std::string_view what,
                             Console& console, const TakeBatch& take,
                             std::uint64_t at_most = kAllSamples);

}  // namespace remapd::cli
