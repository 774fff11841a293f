// AccessBatch protobuf <-> EventBatch, and the NDJSON form of the same events.
//
// Decoding checks everything before it hands anything out: lengths.size() must be a multiple of
// keys.size(), values.size() must equal sum(lengths), keys must be unique valid UTF-8, labels and
// weights must have one entry per sample or none. Memory is bounded by the size of the payload (a
// length can be no larger than the number of values that were actually received).
//
// A decoder is bound to a schema and reuses its buffers: not thread safe, one per thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::proto {

// What was in a message besides what the schema asked for.
struct DecodeNotes {
  std::uint64_t unknown_features = 0;  // columns skipped
};

class AccessBatchDecoder {
 public:
  explicit AccessBatchDecoder(const pipeline::FeatureSchema& schema);
  ~AccessBatchDecoder();
  AccessBatchDecoder(AccessBatchDecoder&&) noexcept;
  AccessBatchDecoder& operator=(AccessBatchDecoder&&) noexcept;

  // One AccessBatch. `into` is left reset on error. kCorrupt (what is wrong, with numbers) or
  // kUnsupported (schema_version).
  Result<DecodeNotes> decode_protobuf(ByteView payload, pipeline::EventBatch& into);

  // One or more lines of NDJSON, one sample each:
  //   {"t":1690000000123,"label":1,"w":1.0,"f":{"user":[7],"item":["B00X"],"site":3}}
  // Ids are unsigned integers or strings (hashed by hash_text()); a scalar is a list of one.
  // Of members that come twice the last counts. Errors name the line and the member.
  Result<DecodeNotes> decode_ndjson(ByteView payload, pipeline::EventBatch& into);

  // A payload that starts with '{' is NDJSON, anything else protobuf.
  Result<DecodeNotes> decode(ByteView payload, pipeline::EventBatch& into);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The protobuf bytes of a batch, for producers, generators and tests.
std::string encode_protobuf(const pipeline::EventBatch& batch,
                            const pipeline::FeatureSchema& schema, std::string_view producer);
// One line of NDJSON per sample (ids as integers).
std::string encode_ndjson(const pipeline::EventBatch& batch, const pipeline::FeatureSchema& schema);

}  // namespace remapd::proto
