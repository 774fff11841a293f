// Schemas from where a configuration says they are: files, or the answer of a registry.
#pragma once

#include "connectors/decode/avro_schema.h"
#include "connectors/decode/event_decoder.h"
#include "connectors/decode/protobuf_schema.h"
#include "connectors/decode/schema_registry.h"
#include "core/base/result.h"

namespace remapd::decode {

// Of options.schema_file, and of options.descriptor_set and message. kConfig naming the key.
Result<AvroSchema> load_avro_schema(const DecodeOptions& options);
Result<ProtobufSchema> load_protobuf_schema(const DecodeOptions& options);

// kCorrupt: it is no such schema.
Result<AvroSchema> avro_schema_of(const RegisteredSchema& registered);
Result<ProtobufSchema> protobuf_schema_of(const RegisteredSchema& registered);

}  // namespace remapd::decode
