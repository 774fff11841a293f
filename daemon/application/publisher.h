// Publisher: sees to it that versions of every table are built when they are due, published, and
// adopted by the engine; and does what operators ask for in between.
//
//   (due, or asked for) -> engine.begin_build() -> Builder: build, gates, publish -> engine.adopt()
//
// At most one version of a table is in the making, and builds begin together: those that are due
// while others are in the making wait for these. The builder makes one after another in any case,
// and a build holds a copy of what was learned of all tables, which those begun together share.
// With wait_for_publish reading stands still until it is out, so that every version is built at
// exactly the sample it is due at and the versions of a replay are reproducible; without it reading
// goes on meanwhile, and two versions of a table are at least min_interval apart.
//
// All members are for the pipeline thread, which also runs what is posted. The sink is used on that
// thread before start() and by the builder afterwards.
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
    std::chrono::milliseconds interval{0};      // 0: by samples only
    std::chrono::milliseconds min_interval{0};  // not with wait_for_publish
    std::uint32_t snapshot_every = 4;
    pipeline::GateLimits gates;
  };
  struct Options {
    pipeline::PublishSchedule::Config schedule;
    bool wait_for_publish = true;
    std::size_t keep_versions = 1;  // of each table, to hand out
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
  // Makes the newest published version the incumbent, where going on from here would not lead to
  // it. `restored`: the engine's state came from a checkpoint.
  Result<void> catch_up(TableIndex table, bool restored);
  // From here on the table is this instance's. What was published since examine() is to be caught up
  // with.
  Result<void> take_over(TableIndex table);
  void start();

  // Builds what is due now.
  void start_due_builds();
  // The sample at which the next build is due; max if none.
  std::uint64_t next_due() const;
  // Reading must stand still.
  bool must_wait() const;
  bool any_in_flight() const;
  // There will be no more samples: from now on whatever is in flight is waited for.
  void end_of_stream() { stream_ended_ = true; }
  // Then, with nothing in flight: versions of what no version holds yet, whatever the schedule.
  Result<void> build_last_versions();
  // From now on nothing is begun that can wait for the next start.
  void wind_down() { winding_down_ = true; }
  // Cancels whatever is in flight and joins the builder; its reports have been posted then.
  void give_up();

  void apply(const LiveSettings& live) { live_ = live; }
  // What ends the daemon: another instance has taken over (kConflict), or the engine and what is
  // published cannot be brought together.
  const std::optional<Error>& fatal() const { return fatal_; }
  std::vector<pipeline::TableProgress> progress() const;
  // `stats`: the engine's, by table.
  std::vector<TableStatus> status(std::vector<pipeline::TableStats> stats) const;

  // Any thread may look at it.
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
    std::chrono::steady_clock::time_point built;  // when the last build began
    Answer<Version> answer;    // whoever asked for the version in flight, if anyone did
    std::deque<Task> waiting;  // for the versions in flight to be out
  };

  bool due(const Table& table) const;
  Result<void> fetch_newest(TableIndex index);
  Result<void> adopt_artifact(TableIndex index, const mapping::Blob& artifact);
  void start_build(TableIndex index, bool with_snapshot, Answer<Version> answer);
  void begin_roll_back(TableIndex index, Version to, Answer<Version> answer);
  // Runs `task` once nothing is in flight.
  void when_idle(TableIndex index, const Answer<Version>& answer, Task task);

  void on_report(BuildReport report);
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
