// From a version that was built to what is published of it: the snapshot artifact, the delta and
// migration plan from the version before, and the manifest that names them. There is always a plan,
// also one that says that nothing is to be done: a missing one would stop clients. Nothing is
// published here.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/base/bytes.h"
#include "core/mapping/manifest.h"
#include "core/pipeline/engine.h"
#include "core/placement/roll_back.h"
#include "daemon/application/clients_mapping.h"
#include "daemon/application/version_shelf.h"

namespace remapd::application {

// What the version itself does not say.
struct PublicationNotes {
  std::string instance;             // who publishes
  std::uint64_t built_samples = 0;  // samples seen when the build began
  std::uint64_t next_samples = 0;   // see Manifest
};

// What is ready to be published.
struct Prepared {
  mapping::Publication publication;
  Bytes by_delta;  // of a full build: the artifact clients get by its delta; empty if it has none

  // As clients have it once it is published: they take the snapshot where there is one. Of an
  // increment there may be none.
  KeptVersionPtr keep() &&;
};

// When a version that could do with its delta comes with a snapshot all the same: once the deltas
// since the last snapshot are together `share` of it, or always.
struct SnapshotRule {
  double share = 0.5;
  bool always = false;
};

// A full build; `artifact` is the encoded outcome.mapping. There is a delta where it can be applied
// to what clients have (it is tried: an incumbent that came from an artifact need not hold all of
// its ids, and the old artifact may be compact or have no room for those added), where the new one
// is not to be compact, and where it is smaller than the whole; and a snapshot where there is no
// delta or the rule wants one.
Prepared prepare_publication(const pipeline::BuildOutcome& outcome, Bytes artifact,
                             ClientsMapping& clients, const SnapshotRule& rule,
                             const PublicationNotes& notes);

// An increment: a delta, and a snapshot where the rule wants one. `clients`: it has been applied.
Prepared prepare_increment(const pipeline::BuildOutcome& outcome, ClientsMapping& clients,
                           const SnapshotRule& rule, const PublicationNotes& notes);

// A version that was published before; always a snapshot.
Prepared prepare_publication(const placement::RollBack& roll_back, Version target,
                             const PublicationNotes& notes);

}  // namespace remapd::application
