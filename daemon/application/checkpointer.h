// Checkpointer: when checkpoints are taken, and the thread that makes them durable while reading
// goes on.
//
// One is written at a time. Members are for the pipeline thread; save() hands finished bytes over,
// and the outcome comes back to the pipeline thread as a task.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/pipeline/checkpoint.h"
#include "core/pipeline/checkpoint_store.h"
#include "core/pipeline/dead_letter_sink.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/event_source.h"
#include "daemon/application/mailbox.h"
#include "daemon/application/status.h"
#include "daemon/application/task.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

class Checkpointer {
 public:
  // On the pipeline thread: a checkpoint with these offsets is durable.
  using OnDurable = std::function<void(const pipeline::StreamOffsets&)>;

  // `store` may be null: then none are kept. `dead_letters` may be null.
  Checkpointer(pipeline::CheckpointStore* store, pipeline::DeadLetterSink* dead_letters,
               logging::Logger& log, const Clock& clock, Post post, OnDurable on_durable);
  ~Checkpointer();

  // Loads the newest checkpoint into a fresh engine; none if there is none. kConflict: it does not
  // fit the configuration. kCorrupt: checkpoints exist and none is valid.
  Result<std::optional<pipeline::CheckpointHeader>> restore(pipeline::Engine& engine);

  // From now on `instance`, this one, saves there, and no other. Whether what restore() found is
  // still the newest; otherwise it must be called again.
  Result<bool> take_over(const std::string& instance);

  void start();
  // Whether save() should be called now: `interval` after the last one, or hurried.
  bool due(std::chrono::milliseconds interval) const;
  void hurry() { hurried_ = true; }
  // Only between batches: header, state and dead letters then belong together. What was put aside
  // is made safe first. Not while one is in flight. Failures show in status().
  void save(const pipeline::CheckpointHeader& header, const pipeline::Engine& engine);
  bool in_flight() const { return in_flight_; }
  const CheckpointStatus& status() const { return status_; }
  // Another instance saves to the same place: nothing more may be done.
  const std::optional<Error>& superseded() const { return superseded_; }
  // Waits for the one in flight; its outcome has been posted then.
  void stop();

 private:
  struct Order {
    std::vector<Bytes> checkpoint;  // piece after piece
    pipeline::StreamOffsets offsets;
    std::uint64_t samples;
  };
  struct Report {
    std::optional<Error> error;  // none: it is durable
    pipeline::StreamOffsets offsets;
    std::uint64_t samples = 0;
    std::uint64_t bytes = 0;
    double seconds = 0;
  };
  void run();
  void on_report(const Report& report);
  void note_failure(const Error& error);

  pipeline::CheckpointStore* store_;
  pipeline::DeadLetterSink* dead_letters_;
  logging::Logger& log_;
  const Clock& clock_;
  Post post_;
  OnDurable on_durable_;
  CheckpointStatus status_;
  std::chrono::steady_clock::time_point begun_;  // the last one, or start()
  bool hurried_ = false;
  bool in_flight_ = false;
  std::optional<Error> superseded_;
  Mailbox<Order> orders_;
  std::thread thread_;
};

}  // namespace remapd::application
