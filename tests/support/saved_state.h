// What a part of the engine saves, as one block of bytes.
#pragma once

#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/state_writer.h"

namespace remapd::support {

inline Bytes joined(const std::vector<Bytes>& pieces) {
  Bytes out;
  for (const Bytes& piece : pieces) out.insert(out.end(), piece.begin(), piece.end());
  return out;
}

template <class Part>
Bytes saved(const Part& part) {
  StateWriter out;
  part.save(out);
  return joined(std::move(out).write());
}

}  // namespace remapd::support
