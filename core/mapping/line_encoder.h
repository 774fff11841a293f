// Fast artifacts from mappings: the lines of line_table.h.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

// `mapping` has been checked (artifact_encoder.h). The same mapping gives the same bytes.
Bytes encode_lines(const Mapping& mapping, std::uint64_t content_hash);

}  // namespace remapd::mapping
