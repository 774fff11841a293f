// AvroDecoder: a record in Avro's binary encoding, by the schema it was written with.
//
// The schema is read by avro-c; the bytes are not: a record is walked by the schema, and what no
// path names is passed over without being decoded, so memory does not depend on the lengths that
// the bytes claim.
//
//   union   the branch that was written; null is a missing value
//   enum    its symbol, as text
//   map     entered by its keys, like a record
//   bytes, fixed   text
//
// Evolution: paths are looked up in the schema that a record was written with. A field that one
// version of the schema has and another has not is missing where it is not there; a field that was
// renamed is named by alternatives ("user_id | uid"); numbers may be int in one version and long in
// another.
#pragma once

#include <memory>

#include "connectors/decode/avro_schema.h"
#include "connectors/decode/record_decoder.h"

namespace remapd::decode {

// `tree` must outlive the decoder.
std::unique_ptr<RecordDecoder> make_avro_decoder(AvroSchema schema, const FieldTree& tree);

}  // namespace remapd::decode
