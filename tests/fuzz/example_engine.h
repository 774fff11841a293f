// A small engine of two tables, one learning with labels and one without, and samples for it: what
// the corpus files of the engine's state are made from.
#pragma once

#include <memory>

#include "core/base/check.h"
#include "core/pipeline/engine.h"
#include "tests/support/saved_state.h"

namespace remapd::fuzz {

inline std::unique_ptr<pipeline::Engine> example_engine() {
  pipeline::EngineConfig config;
  for (const char* name : {"user", "item"}) {
    pipeline::TableConfig table;
    table.name = name;
    table.rows = 8;
    table.max_tracked_ids = 24;
    config.tables.push_back(table);
  }
  config.tables[0].learner = pipeline::LearnerChoice::kCoAccess;
  config.tables[1].learner = pipeline::LearnerChoice::kSupervised;
  config.features = {{"user", TableIndex{0}}, {"item", TableIndex{1}}};
  config.co_access_dimension = 4;
  config.factors = 4;
  config.mini_batch = 16;
  config.tick_samples = 48;
  auto engine = pipeline::Engine::create(config);
  REMAPD_CHECK(engine, "the example's configuration is right");
  return std::move(*engine);
}

inline pipeline::EventBatch example_batch(std::uint64_t seed) {
  constexpr std::size_t kSamples = 100;
  pipeline::EventBatch batch;
  batch.reset(2);
  for (std::uint64_t s = 0; s < kSamples; ++s) {
    batch.mutable_lengths(FeatureIndex{0}).push_back(1);
    batch.mutable_values(FeatureIndex{0}).push_back(mix64(s * seed) % 40);
    batch.mutable_lengths(FeatureIndex{1}).push_back(s % 3);
    for (std::uint64_t i = 0; i < s % 3; ++i) {
      batch.mutable_values(FeatureIndex{1}).push_back(mix64(s + 100 * i + seed) % 30);
    }
    batch.mutable_labels().push_back(s % 5 < 3 ? 1.0F : 0.0F);
  }
  batch.seal(kSamples);
  return batch;
}

using support::saved;

}  // namespace remapd::fuzz
