// BatchCursor: hands out one batch in pieces, so that a mapping version can be built at exactly the
// sample it is due at, however the stream is cut into batches.
//
//   source.poll(cursor.refill(), timeout);
//   cursor.filled();
//   while (cursor.remaining() > 0) engine.ingest(cursor.take(samples_until_something_is_due));
//
// Not thread safe. Handing out a whole batch copies nothing; a piece is copied, O(its ids).
#pragma once

#include <cstddef>
#include <vector>

#include "core/pipeline/event_batch.h"

namespace remapd::pipeline {

class BatchCursor {
 public:
  // The batch for a source to fill. What remained of the one before is dropped.
  EventBatch& refill() {
    first_ = 0;
    filled_ = false;
    return batch_;
  }
  // refill()'s batch is complete.
  void filled() {
    first_ = 0;
    value_at_.assign(batch_.features(), 0);
    filled_ = true;
  }

  // Samples not handed out yet.
  std::size_t remaining() const { return filled_ ? batch_.samples() - first_ : 0; }

  // The next min(count, remaining()) samples; valid until the next call of any member. count > 0.
  const EventBatch& take(std::size_t count);

 private:
  EventBatch batch_;
  EventBatch piece_;
  bool filled_ = false;
  std::size_t first_ = 0;              // sample to go on with
  std::vector<std::size_t> value_at_;  // by feature: where its values begin
};

}  // namespace remapd::pipeline
