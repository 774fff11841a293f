// From a built mapping to what is published of it: the snapshot artifact, the delta and migration
// plan from the version before, and the manifest that names them.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/mapping/manifest.h"
#include "core/pipeline/engine.h"

namespace remapd::daemon {

// What the mapping itself does not say.
struct PublicationNotes {
  std::string instance;             // who publishes
  std::uint64_t built_samples = 0;  // samples seen when the build began
  bool with_snapshot = false;       // the whole mapping, also where a delta would do
};

// `artifact` is the encoded outcome.mapping. There is a delta where there was an incumbent, and a
// snapshot where there is no delta, where one was asked for, or where the delta is no smaller.
mapping::Publication make_publication(const pipeline::BuildOutcome& outcome, Bytes artifact,
                                      const PublicationNotes& notes);

}  // namespace remapd::daemon
