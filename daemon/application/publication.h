// From a version that was built to what is published of it: the snapshot artifact, the delta and
// migration plan from the version before, and the manifest that names them. There is always a plan,
// also one that says that nothing is to be done: a missing one would stop clients. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/base/bytes.h"
#include "core/mapping/manifest.h"
#include "core/pipeline/engine.h"
#include "core/placement/roll_back.h"
#include "daemon/application/version_shelf.h"

namespace remapd::application {

// What the version itself does not say.
struct PublicationNotes {
  std::string instance;             // who publishes
  std::uint64_t built_samples = 0;  // samples seen when the build began
  bool with_snapshot = false;       // the whole mapping, also where a delta would do
  // The parent's artifact as clients have it; empty: not known, so that there is a snapshot.
  ByteView parent_artifact{};
};

// What is ready to be published.
struct Prepared {
  mapping::Publication publication;
  Bytes by_delta;  // the artifact clients get by applying the delta; empty if there is none

  // As clients have it once it is published: they take the snapshot where there is one.
  KeptVersionPtr keep() &&;
};

// `artifact` is the encoded outcome.mapping. There is a delta where it can be applied to what
// clients have (it is tried: an incumbent that came from an artifact need not hold all of its ids,
// and the old artifact may be compact or have no room for those added), where the new one is not to
// be compact, and where it is smaller than the whole; and a snapshot where there is no delta or one
// was asked for.
Prepared prepare_publication(const pipeline::BuildOutcome& outcome, Bytes artifact,
                             const PublicationNotes& notes);

// A version that was published before; always a snapshot.
Prepared prepare_publication(const placement::RollBack& roll_back, Version target,
                             const PublicationNotes& notes);

}  // namespace remapd::application
