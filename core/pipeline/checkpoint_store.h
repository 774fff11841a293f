// Port: where checkpoints are kept. The store does not interpret them (checkpoint.h) and adds a
// checksum.
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

  // Saves the pieces, concatenated, as the newest checkpoint. Durable on return; on an error the
  // previous checkpoints are untouched.
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
