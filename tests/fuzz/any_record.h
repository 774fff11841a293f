// What the targets of record decoders share: a layout that has everything, and what must hold of a
// record that is read by it.
#pragma once

#include "connectors/decode/record_decoder.h"
#include "core/base/check.h"
#include "tests/fuzz/three_features.h"

namespace remapd::fuzz {

inline decode::SampleBuilder any_builder() {
  return *decode::SampleBuilder::create(
      {.features = {{"user.id | uid", {std::int64_t{0}, "none"}}, {"items[].id"}, {"sites"}},
       .label = "items[].clicked | kind",
       .label_true = {"BUY", std::int64_t{1}},
       .time = "ts",
       .weight = "weight",
       .sample_per = "items"},
      three_features());
}

// Memory in proportion: an id, or a sample, has at least a byte of its own, but what stands outside
// of the list belongs to every sample.
inline void read_record(decode::RecordDecoder& decoder, decode::SampleBuilder& builder,
                        ByteView record) {
  pipeline::EventBatch batch;
  batch.reset(three_features().size());
  if (!decoder.read(record, builder)) {
    REMAPD_CHECK(!builder.reason().empty(), "what is refused is told");
    return;
  }
  const auto samples = builder.finish(batch);
  if (!samples) return;
  batch.seal(*samples);
  REMAPD_CHECK(batch.samples() <= record.size(), "a sample has bytes of its own");
  REMAPD_CHECK(batch.total_ids() <= decode::kMaxIdsPerRecord, "ids of a record are bounded");
}

}  // namespace remapd::fuzz
