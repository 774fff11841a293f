// Port: where checkpoints are kept. A checkpoint is bytes that mean nothing to the store: the
// engine's state and the input offsets it corresponds to. The store adds a checksum.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::pipeline {

class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;

  // The pieces one after another. Durable on return, or an error and the previous checkpoints
  // untouched.
  virtual Result<void> save(const std::vector<ByteView>& pieces) = 0;

  // The newest checkpoint whose checksum holds; none if there is no checkpoint at all. Damaged ones
  // are skipped and reported in `skipped` (one line each, for the log). kCorrupt when checkpoints
  // exist but none is valid: starting afresh would silently lose statistics.
  struct Loaded {
    std::optional<Bytes> checkpoint;
    std::vector<std::string> skipped;
  };
  virtual Result<Loaded> load_latest() = 0;

  // From now on `instance`, that is this store, is the only one that may save here: save() of any
  // other fails with kConflict. Whether what load_latest() gave is still the newest; otherwise
  // another instance has saved since, and it must be loaded again.
  virtual Result<bool> take_over(std::string_view instance) = 0;
};

}  // namespace remapd::pipeline
