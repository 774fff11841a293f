// A message of access events -> EventBatch, and back: AccessBatch protobuf, or the same events in
// JSON.
//
// An AccessBatch is checked whole before anything is handed out: lengths.size() must be a multiple
// of keys.size(), values.size() must equal sum(lengths), keys must be unique valid UTF-8, labels
// and weights must have one entry per sample or none and follow the rules of core/fields. Memory is
// bounded by the size of the payload (a length can be no larger than the number of values that were
// actually received).
//
// JSON holds one object a sample (json_event_decoder.h), in any of the ways of json_text.h. A bad
// object loses itself only.
//
// A decoder is bound to a schema and reuses its buffers: not thread safe, one per thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::proto {

// What was in a message besides what the schema asked for.
struct DecodeNotes {
  std::uint64_t unknown_features = 0;  // columns skipped
};

// A record of a message that has others, and cannot be read itself.
struct BadRecord {
  std::string_view record;  // valid during the call
  std::uint64_t line = 0;   // of the message, from 1
  std::string reason;       // "line 500: f.user: ..."
};
using OnBadRecord = std::function<void(const BadRecord&)>;

class AccessBatchDecoder {
 public:
  explicit AccessBatchDecoder(const pipeline::FeatureSchema& schema);
  ~AccessBatchDecoder();
  AccessBatchDecoder(AccessBatchDecoder&&) noexcept;
  AccessBatchDecoder& operator=(AccessBatchDecoder&&) noexcept;

  // All of them empty `into` and seal it; after an error it is empty. A message without a sample is
  // an error: kCorrupt (what is wrong, with numbers) or kUnsupported (schema_version).

  // Told apart by the first bytes: {, [ or " behind byte order mark and blanks is JSON.
  Result<DecodeNotes> decode(ByteView payload, pipeline::EventBatch& into,
                             const OnBadRecord& on_bad);
  // One AccessBatch.
  Result<DecodeNotes> decode_protobuf(ByteView payload, pipeline::EventBatch& into);
  // An error where the only record is bad; of several each bad one goes to `on_bad`, and the batch
  // may then have no samples.
  Result<DecodeNotes> decode_json(ByteView payload, pipeline::EventBatch& into,
                                  const OnBadRecord& on_bad);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The protobuf bytes of a batch, for producers, generators and tests.
std::string encode_protobuf(const pipeline::EventBatch& batch,
                            const pipeline::FeatureSchema& schema, std::string_view producer);
// One line of JSON per sample (ids as integers).
std::string encode_ndjson(const pipeline::EventBatch& batch, const pipeline::FeatureSchema& schema);

}  // namespace remapd::proto
