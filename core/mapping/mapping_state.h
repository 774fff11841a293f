// Serialisation of a Mapping in checkpoints, and of a MappingInfo in deltas and checkpoints.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

// Whether rows, fallback and strategy are consistent.
bool sound(const MappingInfo& info);

void put_info(const MappingInfo& info, ByteWriter& out);
// kCorrupt when cut short or not sound().
Result<MappingInfo> get_info(ByteReader& in);

void save(const Mapping& mapping, ByteWriter& out);
// kCorrupt when ids are not ascending, or a row or the fallback lies outside the table.
Result<Mapping> load_mapping(ByteReader& in);

}  // namespace remapd::mapping
