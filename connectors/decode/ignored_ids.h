// IgnoredIds: takes the ids that are none (padding, "unknown") out of batches, as `ignore` of a
// [[feature]] says. For formats whose decoder does not look at single values.
//
// Immutable; any number of threads. O(ids of the features that have such values).
#pragma once

#include <vector>

#include "connectors/decode/record_layout.h"
#include "core/base/types.h"
#include "core/pipeline/event_batch.h"

namespace remapd::decode {

class IgnoredIds {
 public:
  // Of each feature of the schema, or of none of them.
  explicit IgnoredIds(std::vector<std::vector<Id>> of_features = {});

  // From a sealed batch, which stays sealed.
  void take_from(pipeline::EventBatch& batch) const;

 private:
  std::vector<std::vector<Id>> of_features_;  // empty: there is nothing to do
};

// What the features of a layout ignore.
IgnoredIds ignored_ids(const RecordLayout& layout);

}  // namespace remapd::decode
