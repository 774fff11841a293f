// mapping::Manifest <-> remapd.v1.Manifest (Kafka) and its JSON form (manifest.json of a mapping
// directory, the protobuf JSON mapping of the same message).
#pragma once

#include <string>
#include <string_view>

#include "connectors/proto/mapping.pb.h"
#include "core/base/result.h"
#include "core/mapping/manifest.h"

namespace remapd::proto {

v1::Manifest to_proto(const mapping::Manifest& manifest);
// kCorrupt when a field contradicts another or is out of range, kUnsupported for a newer format.
Result<mapping::Manifest> from_proto(const v1::Manifest& message);

std::string to_json(const mapping::Manifest& manifest);
Result<mapping::Manifest> manifest_from_json(std::string_view json);

}  // namespace remapd::proto
