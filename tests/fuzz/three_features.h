// The schema of the event targets, and what must hold of every batch they decode.
#pragma once

#include "core/base/check.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::fuzz {

inline pipeline::FeatureSchema three_features() {
  return pipeline::FeatureSchema(
      {{"user", TableIndex{0}}, {"item", TableIndex{1}}, {"site", TableIndex{2}}});
}

// A refused payload leaves nothing; an accepted one has no more in it than was received.
inline void check_shape(const pipeline::EventBatch& batch, bool accepted, std::size_t bytes) {
  REMAPD_CHECK(accepted || (batch.samples() == 0 && batch.total_ids() == 0),
               "a refused payload leaves the batch empty");
  REMAPD_CHECK(batch.features() == 3, "a batch has the schema's features");
  REMAPD_CHECK(batch.samples() <= bytes && batch.total_ids() <= bytes,
               "a batch holds no more than was received");
}

}  // namespace remapd::fuzz
