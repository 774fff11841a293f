// A small engine with one table "item" and something in it, for the tests of this folder.
#pragma once

#include <memory>

#include "core/base/random.h"
#include "core/pipeline/engine.h"

namespace remapd::application {

inline std::unique_ptr<pipeline::Engine> small_engine(std::uint32_t rows = 16,
                                                      std::uint64_t ids = 256) {
  pipeline::EngineConfig config;
  pipeline::TableConfig table;
  table.name = "item";
  table.rows = rows;
  table.max_tracked_ids = ids;
  config.tables = {table};
  config.features = {{"item", TableIndex{0}}};
  config.mini_batch = 1;
  return pipeline::Engine::create(config).value();
}

inline pipeline::EventBatch some_samples(std::size_t count, std::uint64_t seed = 1) {
  Random random(seed);
  pipeline::EventBatch batch;
  batch.reset(1);
  for (std::size_t i = 0; i < count; ++i) {
    batch.mutable_lengths(FeatureIndex{0}).push_back(1);
    batch.mutable_values(FeatureIndex{0}).push_back(random.below(40));
  }
  batch.seal(count);
  return batch;
}

inline pipeline::BuildOutcome build(pipeline::Engine& engine, std::uint64_t version) {
  auto job = engine.begin_build(
      {.table = TableIndex{0}, .version = Version{version}, .epoch = Epoch{1}, .built_ms = 5});
  return pipeline::run_build(std::move(job));
}

}  // namespace remapd::application
