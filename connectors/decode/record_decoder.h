// RecordDecoder: one format of records, from the bytes of one record to the values that a
// SampleBuilder asked for.
//
// A decoder is made for a builder's tree and holds the schema of the format. It reads nothing
// beyond `record`, enters no level that the tree does not name and needs memory for the record at
// hand only, whatever lengths the bytes claim. Not thread safe.
#pragma once

#include "connectors/decode/sample_builder.h"
#include "core/base/bytes.h"

namespace remapd::decode {

class RecordDecoder {
 public:
  virtual ~RecordDecoder() = default;

  // builder.begin(), then every value of the record. False: builder.reason() says why it cannot be
  // used. The caller calls finish().
  virtual bool read(ByteView record, SampleBuilder& builder) = 0;
};

}  // namespace remapd::decode
