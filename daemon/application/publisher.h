// Publisher: has a version of every table built when it is due, published, and adopted by the
// engine; and carries out the commands of operators.
//
//   (due, or commanded) -> engine.begin_build() -> Builder: build, gates, publish -> engine.adopt()
//
// At most one version of a table is in flight. Versions that become due while others are in flight
// wait for these, except while a table catches up after a restart: the builder makes one at a time,
// and builds begun together share one copy of the co-access graph. With wait_for_publish reading
// pauses until the versions are published, so that every version is built at exactly the sample it
// is due at and a replay is reproducible; without it reading goes on, two versions of a table are
// at least min_interval apart, and builds of a kind, full ones and increments, take at most
// cpu_share of the time each.
//
// All members but versions() are for the pipeline thread, which also runs posted tasks. The sink
// has one user at a time: the builder while a version is in flight, else the pipeline thread (at
// the start, and in build_last_versions()).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/mapping/mapping_sink.h"
#include "core/pipeline/checkpoint.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/publish_gates.h"
#include "core/pipeline/publish_schedule.h"
#include "daemon/application/builder.h"
#include "daemon/application/control.h"
#include "daemon/application/status.h"
#include "daemon/application/task.h"
#include "daemon/application/version_shelf.h"
#include "daemon/application/version_timeline.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

class Publisher {
 public:
  // What may change while it runs.
  struct LiveSettings {
    std::chrono::milliseconds interval{0};  // 0: by samples only
    // Not with wait_for_publish:
    std::chrono::milliseconds min_interval{0};
    double cpu_share = 1;         // of the time, that builds of a kind may take
    double snapshot_share = 0.5;  // SnapshotRule
    pipeline::GateLimits gates;
  };
  struct Options {
    pipeline::PublishSchedule::Config schedule;
    bool wait_for_publish = true;
    std::size_t keep_versions = 1;  // of each table, for download
    Builder::Options builder;
    LiveSettings live;
  };
  struct Hooks {
    Post post;
    std::function<void()> changed;       // there is something new to show
    std::function<void()> must_be_kept;  // a checkpoint should be taken soon
  };

  Publisher(Options options, pipeline::Engine& engine, mapping::MappingSink& sink,
            logging::Logger& log, const Clock& clock, Hooks hooks);
  ~Publisher();

  // At the start, in this order. Those that return errors may be called again.
  std::uint32_t tables() const { return static_cast<std::uint32_t>(tables_.size()); }
  Result<void> examine(TableIndex table);
  void restore(const std::vector<pipeline::TableProgress>& progress);
  // Fetches the newest published version and makes it the incumbent, unless rereading the stream
  // will rebuild it (VersionTimeline::needs_fetch()). `restored`: the engine's state came from a
  // checkpoint.
  Result<void> catch_up(TableIndex table, bool restored);
  // From here on the table is this instance's. What was published since examine() is to be caught
  // up with.
  Result<void> take_over(TableIndex table);
  void start();

  // Builds what is due now.
  void start_due_builds();
  // The sample at which the next build is due; max if none.
  std::uint64_t next_due() const;
  // Reading must stand still.
  bool must_wait() const;
  bool any_in_flight() const;
  // There will be no more samples: from now on must_wait() is true while a version is in flight.
  void end_of_stream() { stream_ended_ = true; }
  // Then, with nothing in flight: begins a version of every table that has samples since its last
  // one, whatever the schedule.
  Result<void> build_last_versions();
  // From now on nothing is begun that can wait for the next start of the daemon.
  void wind_down() { winding_down_ = true; }
  // Cancels what is in flight and joins the builder; its reports have been posted then.
  void give_up();

  void apply(const LiveSettings& live) { live_ = live; }
  // The error that ends the daemon: another instance has taken a table over (kConflict), or a
  // published version cannot be adopted.
  const std::optional<Error>& fatal() const { return fatal_; }
  std::vector<pipeline::TableProgress> progress() const;
  // `stats`: the engine's, by table.
  std::vector<TableStatus> status(std::vector<pipeline::TableStats> stats) const;

  // Thread safe.
  const VersionShelf& versions() const { return shelf_; }

  // See Control.
  void publish_now(TableIndex table, Answer<Version> answer);
  void freeze(TableIndex table, bool frozen);
  void roll_back(TableIndex table, Version to, Answer<Version> answer);

 private:
  struct Table {
    VersionTimeline timeline;
    TableStatus status;
    bool in_flight = false;
    std::chrono::steady_clock::time_point built;      // when the last build began
    std::chrono::steady_clock::time_point next;       // not before: any build
    std::chrono::steady_clock::time_point next_full;  // not before: a full one
    Answer<Version> answer;    // to the command that began the version in flight, if one did
    std::deque<Task> waiting;  // commands to run once nothing is in flight
  };

  // What is to be built now, if anything.
  std::optional<pipeline::BuildKind> due(TableIndex index);
  void note_cost(Table& table, const BuildReport& report);
  Result<void> fetch_newest(TableIndex index);
  Result<void> adopt_artifact(TableIndex index, const mapping::Blob& artifact);
  void start_build(TableIndex index, pipeline::BuildKind kind, bool with_snapshot,
                   Answer<Version> answer);
  void begin_roll_back(TableIndex index, Version to, Answer<Version> answer);
  // Runs `task` once nothing is in flight.
  void when_idle(TableIndex index, const Answer<Version>& answer, Task task);

  void on_report(BuildReport report);
  void publish_whole(Table& table, BuildReport report);
  void run_waiting();
  Result<Version> settle(Table& table, BuildReport& report);
  void settle_published(Table& table, BuildReport& report);
  void shelve_found(TableIndex index);
  void shelve(const Table& table, const BuildReport& report);
  void adopt(const BuildReport& report);
  void log_published(const BuildReport& report);

  Options options_;
  LiveSettings live_;
  pipeline::Engine& engine_;
  mapping::MappingSink& sink_;
  logging::Logger& log_;
  const Clock& clock_;
  Hooks hooks_;
  std::vector<Table> tables_;
  VersionShelf shelf_;
  bool stream_ended_ = false;
  bool winding_down_ = false;
  bool given_up_ = false;
  std::optional<Error> fatal_;
  Builder builder_;
};

}  // namespace remapd::application
