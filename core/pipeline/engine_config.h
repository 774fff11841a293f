// The engine's configuration: tables with their row budgets, the features that feed them, and how
// statistics are kept. configs/remapd.toml documents the keys; validate() has the bounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/mapping/artifact_kind.h"
#include "core/mapping/strategy.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::pipeline {

enum class LearnerChoice : std::uint8_t {
  kAuto = 0,  // supervised once enough labelled samples of both classes were seen, else co-access
  kCoAccess = 1,
  kSupervised = 2,
};

std::string_view to_string(LearnerChoice choice);

struct TableConfig {
  std::string name;
  std::uint32_t rows = 0;  // row budget, 1 .. 2^32 - 2
  mapping::Strategy strategy = mapping::Strategy::kCombined;
  LearnerChoice learner = LearnerChoice::kAuto;
  mapping::ArtifactKind artifact = mapping::ArtifactKind::kFast;  // what versions are published as

  std::uint64_t max_tracked_ids = 1'000'000;  // bound of the exact statistics, and of mapping size
  // Of the rows beside those that new-id rows may take at most, 0 .. 1: one frequent id each.
  double dedicated_share = 0.3;
  double new_id_share = -1;    // of the rows, 0 .. 0.9: new-id rows; < 0: from the stream
  double horizon = -1;         // samples, see table_state.h; 0: unbounded; < 0: from the stream
  double hysteresis = 0;       // an id moves only to a row this much nearer (squared distance)
  double churn_budget = 0.05;  // share of traffic that may move per version
};

struct EngineConfig {
  std::vector<TableConfig> tables;         // at least one; names unique
  std::vector<Feature> features;           // at least one; names unique, tables in range
  std::uint32_t co_access_dimension = 64;  // 4 .. 64, multiple of 4
  std::uint32_t factors = 8;               // of the factorisation machine; 4 .. 32, multiple of 4
  std::uint32_t mini_batch = 64;           // samples learned from frozen parameters, 1 .. 4096
  std::uint64_t tick_samples = 100'000;    // samples between two ticks (decay, eviction), >= 1
  std::uint64_t seed = 1;                  // of hashes and initial vectors

  // kConfig naming the first key that is out of bounds.
  Result<void> validate() const;
};

}  // namespace remapd::pipeline
