// ProtobufDecoder: a message of any type whose descriptor is known, read off the wire: what no path
// names is passed over, no message object is made.
//
//   names            as in the .proto file, or in lowerCamelCase (JSON's)
//   repeated         a list; map: entered by its keys
//   enum             the name of its value, as text; the number if it has no name
//   Timestamp        a time, or entered by seconds and nanos; wrappers (Int64Value, ...): their
//   value not on the wire  missing, if the field knows presence (optional, a message, a oneof); the
//                    default (0, "", false), if it does not, as everywhere in proto3
//
// Of a single field that comes twice the last counts, as protobuf demands.
#pragma once

#include <memory>

#include "connectors/decode/protobuf_schema.h"
#include "connectors/decode/record_decoder.h"

namespace remapd::decode {

// `tree` must outlive the decoder.
std::unique_ptr<RecordDecoder> make_protobuf_decoder(const ProtobufSchema& schema,
                                                     const google::protobuf::Descriptor& message,
                                                     const FieldTree& tree);

}  // namespace remapd::decode
