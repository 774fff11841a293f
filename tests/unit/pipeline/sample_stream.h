// Streams of samples made for the tests of this folder: who is seen with what, and in which batches
// it arrives.
#pragma once

#include <limits>
#include <vector>

#include "core/base/random.h"
#include "core/pipeline/engine.h"
#include "tests/support/saved_state.h"
#include "tests/support/zipf.h"

namespace remapd::pipeline {

struct Sample {
  std::vector<std::vector<Id>> ids;  // one list for each feature
  float label = std::numeric_limits<float>::quiet_NaN();
  float weight = 1;
};

// Samples [first, last) as one batch.
inline EventBatch batch_of(const std::vector<Sample>& samples, std::size_t first,
                           std::size_t last) {
  EventBatch batch;
  const std::size_t features = samples.at(0).ids.size();
  batch.reset(features);
  for (std::size_t s = first; s < last; ++s) {
    for (std::uint32_t f = 0; f < features; ++f) {
      const std::vector<Id>& ids = samples[s].ids[f];
      batch.mutable_lengths(FeatureIndex{f}).push_back(static_cast<std::uint32_t>(ids.size()));
      auto& values = batch.mutable_values(FeatureIndex{f});
      values.insert(values.end(), ids.begin(), ids.end());
    }
    batch.mutable_labels().push_back(samples[s].label);
    batch.mutable_weights().push_back(samples[s].weight);
  }
  batch.seal(last - first);
  return batch;
}

// Ingests samples [first, last) in batches of `size`.
inline void feed(Engine& engine, const std::vector<Sample>& samples, std::size_t first,
                 std::size_t last, std::size_t size) {
  for (std::size_t at = first; at < last; at += size) {
    engine.ingest(batch_of(samples, at, std::min(last, at + size)));
  }
}

inline void feed(Engine& engine, const std::vector<Sample>& samples, std::size_t size = 100) {
  feed(engine, samples, 0, samples.size(), size);
}

// Two features, "user" and "items" (none, one or several a sample), of Zipf-distributed ids in
// communities of ten that are seen together; labels follow the community. `unlabelled`: NaN labels.
inline std::vector<Sample> communities(std::size_t count, std::uint64_t seed,
                                       bool unlabelled = false) {
  const support::Zipf users(400, 1.0);
  const support::Zipf items(90, 0.8);
  Random random(seed);
  std::vector<Sample> samples(count);
  for (Sample& sample : samples) {
    const Id user = users(random);
    const Id community = user % 10;
    std::vector<Id> seen;
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      seen.push_back(10 * items(random) + community);
    }
    sample.ids = {{user}, seen};
    const bool likes = random.uniform() < (community < 5 ? 0.8 : 0.2);
    if (!unlabelled) sample.label = likes ? 1.0F : 0.0F;
  }
  return samples;
}

// A table "user" and a table "item" for communities().
inline EngineConfig two_tables() {
  EngineConfig config;
  for (const char* name : {"user", "item"}) {
    TableConfig table;
    table.name = name;
    table.rows = 64;
    table.max_tracked_ids = 1000;
    config.tables.push_back(table);
  }
  config.features = {{"user", TableIndex{0}}, {"items", TableIndex{1}}};
  config.tick_samples = 700;
  return config;
}

using support::saved;

}  // namespace remapd::pipeline
