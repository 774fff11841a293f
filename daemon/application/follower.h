// What a client holds that has followed a table's versions: the last snapshot with the deltas
// since.
//
// A delta is applied inside the space of the artifact it changes. When many ids come in few
// versions that space runs out, and a client could not follow until the next snapshot: so the
// publisher tries every delta here first, and where it does not fit publishes the snapshot as well.
//
// Not thread safe. Memory: one artifact; a version costs O(its bytes).
#pragma once

#include "core/base/bytes.h"
#include "core/mapping/manifest.h"

namespace remapd::daemon {

class Follower {
 public:
  // Goes on to the version, if its snapshot or its delta leads there; else nothing changes.
  bool follow(const mapping::Publication& publication);

  // Holds nothing: only a snapshot can be followed.
  void forget() { artifact_.clear(); }

 private:
  Bytes artifact_;
};

}  // namespace remapd::daemon
