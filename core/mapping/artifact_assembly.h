// Putting an artifact together from its lines: shared by the encoder and the editor.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/types.h"
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
  std::uint32_t layout = 0;
  std::uint32_t row_bits = 0;
  std::uint32_t home_lines = 0;
};

// The room that an artifact's header takes at its front.
std::size_t header_bytes(const MappingInfo& info);

// `bytes`: room for the header, then the lines. Puts header and exceptions (by ascending id) in,
// with checksums.
Bytes assemble(const ArtifactParts& parts, Bytes bytes, std::vector<Exception> exceptions);

}  // namespace remapd::mapping
