// The training run: one pass over a stream, predict, then learn, by four models of the same kind
// side by side, that differ in where the ids of shared tables live:
//
//   full       every id has a row of its own: what sharing rows gives up
//   hash       every id hashed over the row budget
//   frequency  frequency_mapper.h
//   remapd     the versions that the daemon publishes, swapped to and migrated as they come
//
// Figures are over the samples after the first 20 %. No sample is seen before it has been
// predicted, neither by a model nor by a mapping.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/pipeline/event_source.h"
#include "examples/click_trainer/placement.h"
#include "examples/click_trainer/progress.h"
#include "examples/click_trainer/remapd_tables.h"

namespace remapd::click_trainer {

struct TrainingOptions {
  std::vector<Table> tables;                    // by feature of the stream
  std::uint64_t samples = 0;                    // of the stream to train on; it may be longer
  std::uint64_t seed = 1;                       // of hashes and initial rows
  bool await_last = false;                      // the daemon publishes a version at the end
  std::chrono::milliseconds patience{120'000};  // with the stream
};

struct ContenderResult {
  std::string name;
  std::uint64_t rows = 0;  // all tables
  double normalised_entropy = 0;
  double log_loss = 0;
  double gap_closed =
      0;  // (NE of hash - NE) / (NE of hash - NE of full); NaN where hash loses nothing
};

struct TableResult {
  Table table;
  std::uint64_t ids = 0;  // distinct ones seen
  TableHistory history;   // of shared tables
};

struct TrainingResult {
  std::uint64_t samples = 0;
  std::uint64_t counted = 0;                // labelled and after the first 20 %
  std::vector<ContenderResult> contenders;  // full, hash, frequency, remapd
  std::vector<TableResult> tables;
  double seconds = 0;
};

// `source` has been started. Errors are the source's, those of RemapdTables, and kUnavailable when
// the stream ends or pauses for longer than the patience before `samples` samples.
Result<TrainingResult> run_training(pipeline::EventSource& source, RemapdTables& remapd,
                                    const TrainingOptions& options, Progress& progress);

}  // namespace remapd::click_trainer
