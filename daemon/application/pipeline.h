// Pipeline: the thread that reads events and feeds the engine, and on which Publisher and
// Checkpointer act between two stretches of samples.
//
//   source -> engine -> Publisher -> sink
//                    -> Checkpointer -> store, then source.commit()
//
// The start:
//   1. look at the tables: the sink is there, and what it holds;
//   2. restore the newest checkpoint, catch up with what was published after it, begin to read at
//      its offsets (the source is there and answers);
//   3. only then, able to serve, take tables and checkpoints over. Whatever fails before leaves the
//      instance alone that publishes now. What that one has published or saved since is caught up
//      with;
//   4. where there is no checkpoint, keep a first one before anything is read.
// Whatever fails for a reason that may pass is tried again until a stop is requested.
//
// Stopping: no more reading; the batch at hand is taken in; a publication in flight is finished, or
// given up after stop_timeout; a last checkpoint; the source is told how far it goes. An instance
// that finds itself superseded leaves everything as it is.
//
// The public members may be called from any thread, start() and join() from one; everything else
// happens on the pipeline thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/pipeline/batch_cursor.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/publish_schedule.h"
#include "daemon/application/checkpointer.h"
#include "daemon/application/control.h"
#include "daemon/application/mailbox.h"
#include "daemon/application/ports.h"
#include "daemon/application/problems.h"
#include "daemon/application/publisher.h"
#include "daemon/application/status.h"
#include "daemon/application/status_board.h"
#include "daemon/application/task.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

class Pipeline {
 public:
  // What may change while it runs.
  struct LiveSettings {
    std::chrono::milliseconds stop_timeout{60'000};
    std::chrono::milliseconds checkpoint_interval{60'000};
    Publisher::LiveSettings publish;
  };
  struct Options {
    std::string instance;
    pipeline::PublishSchedule::Config schedule;
    bool wait_for_publish = true;
    std::size_t build_threads = 1;
    std::size_t keep_versions = 1;
    bool stop_at_end = true;        // of a finite source; else stay up
    std::string label_wanted_by{};  // problems.h
    std::chrono::milliseconds start_retry{2'000};
    LiveSettings live;
  };

  // The ports must have a source and a sink. The references must outlive this.
  Pipeline(Options options, std::unique_ptr<pipeline::Engine> engine, Ports ports,
           StatusBoard& board, logging::Logger& log, const Clock& clock);
  ~Pipeline();

  void start();
  void request_stop();
  // A stop that waits for nothing: publications in flight are given up at once.
  void hurry();
  // Waits for the end; the error that brought it about, if one did.
  Result<void> join();

  bool finished() const { return finished_; }
  // Grows as long as the pipeline moves, or has nothing to do and looks for work: for the watchdog.
  std::uint64_t beats() const { return beats_; }
  const VersionShelf& versions() const { return publisher_->versions(); }
  void apply(const LiveSettings& live);

  // Has the pipeline thread do `work` with the answer, once it has begun to read, or gives the
  // answer kCancelled if it ends first.
  template <class T>
  void ask(Answer<T> answer,
           std::function<void(Publisher&, const pipeline::Engine&, Answer<T>)> work) {
    // Shared, so that the answer is still here should the task be dropped.
    const auto shared = std::make_shared<Answer<T>>(std::move(answer));
    const bool posted = tasks_.push([this, shared, work = std::move(work)] {
      if (answering_) {
        work(*publisher_, *engine_, std::move(*shared));
      } else {
        (*shared)(ended());
      }
    });
    if (!posted) (*shared)(ended());
  }

 private:
  static tl::unexpected<Error> ended() {
    return fail(ErrorCode::kCancelled, "the daemon is stopping");
  }

  void run();
  Result<void> bring_up();
  Result<void> restore();
  Result<void> catch_up();
  Result<void> take_over();
  Result<void> keep_first_checkpoint();
  template <class Action>
  Result<void> persist(const char* what, Action action);
  template <class Action>
  Result<void> for_each_table(const char* what, Action action);

  Result<void> read_stream();
  Result<void> read_once();
  Result<void> build_last_versions();
  void show_dead_letters();
  void complain_about_source(const Error& error);
  void note_event_time(std::int64_t event_ms);
  void note_features(const pipeline::EventBatch& batch);
  void take_in();
  bool must_wait() const;
  std::optional<Error> fatal() const;

  void bring_down(Result<void> end);
  void finish_in_flight();
  void take_last_checkpoint();
  void begin_stopping();

  void run_tasks(std::chrono::milliseconds wait);  // waits for the first
  void save_checkpoint();
  void await_checkpoint();
  void publish_status(bool now);
  void note_input();
  void tell_problems();
  void set_phase(Phase phase);

  Options options_;
  LiveSettings live_;
  std::unique_ptr<pipeline::Engine> engine_;
  Ports ports_;
  StatusBoard& board_;
  logging::Logger& log_;
  const Clock& clock_;

  Mailbox<Task> tasks_;
  pipeline::BatchCursor cursor_;
  Status status_;
  ProblemWatch problems_;
  Result<void> outcome_;
  bool answering_ = false;   // what operators ask is answered
  bool restored_ = false;    // the engine's state came from a checkpoint
  bool reading_ = false;     // offsets and state belong together: a checkpoint may be taken
  bool ended_ = false;       // the finite source
  bool last_built_ = false;  // the versions at its end have been begun
  std::chrono::steady_clock::time_point next_status_;
  std::chrono::steady_clock::time_point next_dead_letters_;
  std::chrono::steady_clock::time_point next_source_complaint_;
  std::chrono::steady_clock::time_point next_time_complaint_;
  std::optional<std::chrono::steady_clock::time_point> stop_deadline_;

  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> finished_{false};
  std::atomic<std::uint64_t> beats_{0};
  std::thread thread_;
};

}  // namespace remapd::application
