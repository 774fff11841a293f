// From a version that was built to what is published of it: the snapshot artifact, the delta and
// migration plan from the version before, and the manifest that names them. There is always a plan,
// also one that says that nothing is to be done: a missing one would stop clients. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/mapping/manifest.h"
#include "core/mapping/roll_back.h"
#include "core/pipeline/engine.h"

namespace remapd::daemon {

// What the version itself does not say.
struct PublicationNotes {
  std::string instance;             // who publishes
  std::uint64_t built_samples = 0;  // samples seen when the build began
  bool with_snapshot = false;       // the whole mapping, also where a delta would do
  // The content hash of the newest published version, if that is the one the incumbent was taken
  // from. An incumbent that came from an artifact need not hold all of its ids, so that a delta
  // from it would lead nowhere: then there is a snapshot.
  std::optional<std::uint64_t> parent_content{};
};

// `artifact` is the encoded outcome.mapping. There is a delta where the incumbent is what clients
// have, and a snapshot where there is no delta, where one was asked for, or where the delta is no
// smaller or brings so many ids that clients' artifacts may have no room for them.
mapping::Publication make_publication(const pipeline::BuildOutcome& outcome, Bytes artifact,
                                      const PublicationNotes& notes);

// A version that was published before; always a snapshot.
mapping::Publication make_publication(const mapping::RollBack& roll_back, Version target,
                                      const PublicationNotes& notes);

}  // namespace remapd::daemon
