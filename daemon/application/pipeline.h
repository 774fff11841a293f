// Pipeline: the thread that reads events, feeds the engine, and sees to it that versions are built,
// published and adopted and that checkpoints are taken.
//
//   source -> engine -> (due) -> Builder: build, gates, publish -> adopt
//                    -> (interval) -> Checkpointer -> commit
//
// With wait_for_publish every version is built at exactly the sample it is due at, and reading goes
// on once it is published (or refused): the versions of a replay are then reproducible. Without it
// reading goes on meanwhile.
//
// Stopping: no more reading; the batch at hand is taken in; a publication in flight is finished, or
// given up after stop_timeout; a last checkpoint; the source is told how far it goes.
//
// start(), request_stop(), join(), apply() and beats() may be called from any thread; everything else
// happens on the pipeline thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/pipeline/batch_cursor.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/publish_gates.h"
#include "core/pipeline/publish_schedule.h"
#include "daemon/application/builder.h"
#include "daemon/application/checkpointer.h"
#include "daemon/application/mailbox.h"
#include "daemon/application/ports.h"
#include "daemon/application/status.h"
#include "daemon/application/version_timeline.h"
#include "daemon/logging/logger.h"

namespace remapd::daemon {

class Pipeline {
 public:
  // What may change while it runs.
  struct LiveSettings {
    std::chrono::milliseconds stop_timeout{60'000};
    std::chrono::milliseconds checkpoint_interval{60'000};
    std::chrono::milliseconds publish_interval{0};  // 0: by samples only
    std::uint32_t snapshot_every = 4;
    pipeline::GateLimits gates;
  };
  struct Options {
    std::string instance;
    pipeline::PublishSchedule::Config schedule;
    bool wait_for_publish = true;
    bool stop_at_end = true;  // of a finite source; else stay up
    LiveSettings live;
  };

  // The ports must have a source and a sink. All references must outlive this.
  Pipeline(Options options, std::unique_ptr<pipeline::Engine> engine, Ports ports,
           StatusBoard& board, logging::Logger& log, const Clock& clock);
  ~Pipeline();

  void start();
  void request_stop();
  // Waits for the end; the error that brought it about, if one did.
  Result<void> join();

  bool finished() const { return finished_; }
  // Grows as long as the pipeline moves, or has nothing to do and looks for work: for the watchdog.
  std::uint64_t beats() const { return beats_; }
  void apply(const LiveSettings& live);

 private:
  struct Retry {
    TableIndex table;
    std::string error;
  };
  using Message = std::variant<BuildReport, CheckpointReport, Retry, LiveSettings, std::monostate>;
  struct Table {
    VersionTimeline timeline;
    TableStatus status;
    bool in_flight = false;
    std::chrono::steady_clock::time_point built;  // when the last build began
  };

  void run();
  Result<void> bring_up();
  Result<void> restore();
  Result<void> restore_from(ByteView checkpoint, pipeline::StreamOffsets& offsets);
  Result<void> fetch_incumbent(TableIndex index);
  Result<void> adopt_artifact(TableIndex index, const mapping::Blob& artifact);
  template <class Action>
  auto persist(const char* what, Action action) -> decltype(action());
  Result<void> read_stream();
  Result<void> read_once();
  void complain_about_source(const Error& error);
  void take_in();
  void end_of_stream();
  Result<void> build_last_versions();
  void bring_down();

  void start_due_builds();
  void start_build(TableIndex index, bool last_version);
  bool must_wait() const;
  bool any_in_flight() const;
  std::uint64_t next_due() const;

  bool handle(std::chrono::milliseconds wait);  // messages; false: none came
  void on_message(BuildReport report);
  void on_message(CheckpointReport report);
  void on_message(Retry retry);
  void on_message(LiveSettings live) { live_ = live; }
  void on_message(std::monostate) {}
  void log_published(const BuildReport& report);

  void checkpoint_if_due();
  void submit_checkpoint();
  void await_checkpoint();
  void note_checkpoint_failure(const Error& error);
  void publish_status(bool now);
  void set_phase(Phase phase);
  std::int64_t wall_ms() const;

  Options options_;
  LiveSettings live_;
  std::unique_ptr<pipeline::Engine> engine_;
  Ports ports_;
  StatusBoard& board_;
  logging::Logger& log_;
  const Clock& clock_;

  Mailbox<Message> messages_;
  std::vector<Table> tables_;
  pipeline::BatchCursor cursor_;
  Status status_;
  Result<void> outcome_;  // why it ended
  bool restored_ = false;  // offsets and state belong together: a checkpoint may be taken
  bool ended_ = false;       // the finite source
  bool last_built_ = false;  // the versions at its end have been begun
  bool superseded_ = false;  // another instance is in charge: leave everything as it is
  bool checkpoint_in_flight_ = false;
  std::chrono::steady_clock::time_point next_checkpoint_;
  std::chrono::steady_clock::time_point next_status_;
  std::chrono::steady_clock::time_point next_source_complaint_;
  std::optional<std::chrono::steady_clock::time_point> stop_deadline_;

  std::unique_ptr<Builder> builder_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> finished_{false};
  std::atomic<std::uint64_t> beats_{0};
  std::thread thread_;
};

}  // namespace remapd::daemon
