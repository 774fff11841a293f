// Putting an artifact together: shared by the encoders and the editor.
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

// An id that another one's fingerprint hides.
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

// The room that an artifact's header takes at its front.
std::size_t header_bytes(const MappingInfo& info);

// `bytes`: room for the header, then the body. Puts the header in, with checksums.
Bytes assemble(const ArtifactParts& parts, Bytes bytes);

// `bytes`: room for the header, then the lines; the exceptions (by ascending id) come behind. Of
// the parts' shape, a LineShape, what follows from the two need not be given.
Bytes assemble_lines(ArtifactParts parts, Bytes bytes, std::vector<Exception> exceptions);

}  // namespace remapd::mapping
