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

// Header, lines (a multiple of 64 bytes) and the exceptions by ascending id, with checksums.
Bytes assemble(const ArtifactParts& parts, const std::vector<std::byte>& lines,
               std::vector<Exception> exceptions);

}  // namespace remapd::mapping
