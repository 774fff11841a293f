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
#include <string>
#include <string_view>
#include <vector>

#include "connectors/decode/record_decoder.h"
#include "core/base/result.h"

namespace remapd::decode {

// kCorrupt saying what is wrong with the schema. `references` are schemas of named types that
// `schema` uses, each after those that it uses itself. `tree` must outlive the decoder.
Result<std::unique_ptr<RecordDecoder>> make_avro_decoder(std::string_view schema,
                                                         const std::vector<std::string>& references,
                                                         const FieldTree& tree);

}  // namespace remapd::decode
