// JsonDecoder: a JSON object as a record, by simdjson's On-Demand: what no path names is passed
// over without being parsed.
//
// Names are compared as they are written, in UTF-8 or with every character beyond ASCII as \uXXXX
// (what Python's json.dumps writes). null is a missing value. Numbers are read as they are written,
// so that 64-bit ids stay exact.
#pragma once

#include <memory>

#include "connectors/decode/record_decoder.h"

namespace remapd::decode {

std::unique_ptr<RecordDecoder> make_json_decoder(const FieldTree& tree);

}  // namespace remapd::decode
