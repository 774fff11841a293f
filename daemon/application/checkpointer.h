// Checkpointer: the thread that makes checkpoints durable while reading goes on.
//
// The pipeline thread hands it finished bytes; each is answered by one report, on this thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/pipeline/checkpoint_store.h"
#include "core/pipeline/event_source.h"
#include "daemon/application/mailbox.h"

namespace remapd::daemon {

struct CheckpointReport {
  std::optional<Error> error;       // none: it is durable
  pipeline::StreamOffsets offsets;  // as given
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
};

class Checkpointer {
 public:
  using OnReport = std::function<void(CheckpointReport)>;

  Checkpointer(pipeline::CheckpointStore& store, const Clock& clock, OnReport on_report);
  ~Checkpointer();

  void start();
  void submit(Bytes checkpoint, pipeline::StreamOffsets offsets, std::uint64_t samples);
  // join() returns once everything submitted has been reported.
  void request_stop();
  void join();

 private:
  struct Order {
    Bytes checkpoint;
    pipeline::StreamOffsets offsets;
    std::uint64_t samples;
  };
  void run();

  pipeline::CheckpointStore& store_;
  const Clock& clock_;
  OnReport on_report_;
  Mailbox<Order> orders_;
  std::thread thread_;
};

}  // namespace remapd::daemon
