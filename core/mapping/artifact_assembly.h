// Assembling an artifact from its parts: shared by the encoders and the editor.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/types.h"
#include "core/mapping/fuse_shape.h"
#include "core/mapping/line_table.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

// An id that cannot be told from another one by its fingerprint, and is listed with its row.
struct Exception {
  Id id;
  Row row;
};

struct ArtifactParts {
  MappingInfo info;
  std::uint64_t ids = 0;
  std::uint64_t content_hash = 0;
  std::variant<LineShape, FuseShape> shape;  // by ArtifactKind
};

// The size of the header, bytes.
std::size_t header_bytes(const MappingInfo& info);

// `bytes`: header_bytes() unused bytes, then the body. Writes the header, with checksums.
Bytes assemble(const ArtifactParts& parts, Bytes bytes);

// `bytes`: header_bytes() unused bytes, then the lines; the exceptions (ascending by id) are
// appended. Of the parts' LineShape only home_lines is read; the rest follows from the arguments.
Bytes assemble_lines(ArtifactParts parts, Bytes bytes, std::vector<Exception> exceptions);

}  // namespace remapd::mapping
