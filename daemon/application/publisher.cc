#include "daemon/application/publisher.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/mapping/published_artifact.h"

namespace remapd::application {
namespace {

using namespace std::chrono_literals;

// Commands of one table; more are refused with kUnavailable, retryable.
constexpr std::size_t kMaxWaiting = 8;

tl::unexpected<Error> stopping() {
  return fail(ErrorCode::kCancelled, "the daemon is stopping");
}

void answer_with(const Answer<Version>& answer, Result<Version> result) {
  if (answer) answer(std::move(result));
}

}  // namespace

Publisher::Publisher(Options options, pipeline::Engine& engine, mapping::MappingSink& sink,
                     logging::Logger& log, const Clock& clock, Hooks hooks)
    : options_(std::move(options)),
      live_(options_.live),
      engine_(engine),
      sink_(sink),
      log_(log),
      clock_(clock),
      hooks_(std::move(hooks)),
      shelf_(options_.keep_versions),
      builder_(
          options_.builder, sink, log, clock,
          [this](BuildReport report) {
            // Shared, so that passing the task on copies no mapping.
            auto shared = std::make_shared<BuildReport>(std::move(report));
            hooks_.post([this, shared] { on_report(std::move(*shared)); });
          },
          [this](TableIndex table, const Error& error) {
            hooks_.post([this, table, problem = error.message] {
              tables_[table.value].status.problem = problem;
              hooks_.changed();
            });
          }) {
  for (const pipeline::TableConfig& table : engine_.config().tables) {
    tables_.push_back({.timeline = VersionTimeline(table.name, options_.schedule),
                       .status = {},
                       .in_flight = false,
                       .built = clock_.now(),
                       .next = {},
                       .next_full = {},
                       .answer = {},
                       .waiting = {}});
  }
}

Publisher::~Publisher() = default;

// The start -----------------------------------------------------------------------------------

Result<void> Publisher::examine(TableIndex index) {
  VersionTimeline& timeline = tables_[index.value].timeline;
  const auto tenure = sink_.examine(timeline.table());
  if (!tenure) return fail(Error(tenure.error()).with_context("table " + timeline.table()));
  timeline.found(*tenure);
  return {};
}

Result<void> Publisher::take_over(TableIndex index) {
  VersionTimeline& timeline = tables_[index.value].timeline;
  const auto tenure = sink_.take_over(timeline.table(), options_.builder.instance);
  if (!tenure) return fail(Error(tenure.error()).with_context("table " + timeline.table()));
  timeline.found(*tenure);
  log_.info("took the table over", {{"table", timeline.table()},
                                    {"epoch", tenure->epoch.value},
                                    {"last_version", tenure->newest.value}});
  return {};
}

void Publisher::restore(const std::vector<pipeline::TableProgress>& progress) {
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    for (const pipeline::TableProgress& entry : progress) {
      if (entry.table != tables_[t].timeline.table()) continue;
      tables_[t].timeline.restore(entry, engine_.tracked_ids(TableIndex{t}));
    }
  }
}

Result<void> Publisher::catch_up(TableIndex index, bool restored) {
  if (!tables_[index.value].timeline.needs_fetch(engine_.samples(), restored)) return {};
  return fetch_newest(index);
}

void Publisher::start() {
  for (std::uint32_t t = 0; t < tables_.size(); ++t) shelve_found(TableIndex{t});
  builder_.start();
}

// Fetches the newest version for download and for the first delta. If that fails it cannot be
// downloaded; nothing else depends on it.
void Publisher::shelve_found(TableIndex index) {
  const auto& last = tables_[index.value].timeline.last();
  if (!last) return;
  KeptVersionPtr kept;
  if (auto found = mapping::read_published(sink_, last->info.table, last->info.version)) {
    kept = make_kept_version(*last, found->artifact, nullptr, nullptr);
    builder_.know(index, last->info.version, std::move(*found));
  }
  VersionRecord record;
  record.table = last->info.table;
  record.version = last->info.version;
  record.outcome = VersionOutcome::kFound;
  record.when_ms = last->info.built_ms;
  record.samples = last->built_samples;
  record.rows = last->info.rows;
  record.stats = last->stats;
  record.stats.ids = last->ids;
  record.rollback_of = last->rollback_of;
  shelf_.add(std::move(record), std::move(kept));
}

Result<void> Publisher::fetch_newest(TableIndex index) {
  VersionTimeline& timeline = tables_[index.value].timeline;
  const mapping::Manifest& newest = *timeline.last();
  const auto artifact = mapping::published_artifact(sink_, timeline.table(), newest.info.version);
  if (artifact) return adopt_artifact(index, **artifact);
  const ErrorCode code = artifact.error().code;
  const bool gone = code == ErrorCode::kNotFound || code == ErrorCode::kCorrupt ||
                    (code == ErrorCode::kResource && !artifact.error().retryable) ||
                    code == ErrorCode::kConflict;
  if (!gone) return fail(Error(artifact.error()).with_context("table " + timeline.table()));
  log_.warning("the newest version cannot be fetched: the next one will not be its successor",
               {{"table", timeline.table()},
                {"version", newest.info.version.value},
                {"error", artifact.error().message}});
  timeline.forget_published();
  return {};
}

Result<void> Publisher::adopt_artifact(TableIndex index, const mapping::Blob& artifact) {
  VersionTimeline& timeline = tables_[index.value].timeline;
  const auto view = mapping::ArtifactView::open(artifact.view(), mapping::Verify::kAll);
  if (!view) return fail(Error(view.error()).with_context("table " + timeline.table()));
  if (auto ok = engine_.adopt(index, *view); !ok) return ok;
  timeline.adopted(view->info().version);
  // A roll-back froze the table; the checkpoint that says so may have been lost.
  if (timeline.last() && timeline.last()->rollback_of != kNoVersion) timeline.freeze(true);
  log_.info("adopted a published version",
            {{"table", timeline.table()}, {"version", view->info().version.value}});
  return {};
}

// Building ------------------------------------------------------------------------------------

std::optional<pipeline::BuildKind> Publisher::due(TableIndex index) {
  using pipeline::BuildKind;
  Table& table = tables_[index.value];
  VersionTimeline& timeline = table.timeline;
  if (table.in_flight || timeline.stands_still()) return std::nullopt;
  const std::uint64_t samples = engine_.samples();
  const bool by_samples = samples >= timeline.due_at();
  const auto now = clock_.now();
  const bool waits = options_.wait_for_publish || timeline.catching_up();
  if (!waits && (now < table.next || now - table.built < live_.min_interval)) return std::nullopt;
  const bool by_clock = !timeline.catching_up() && live_.interval > 0ms &&
                        now - table.built >= live_.interval && samples > timeline.built_at();
  if (!by_clock && !by_samples) return std::nullopt;
  const auto between = engine_.between_full_builds(index);
  auto kind = timeline.due_kind(samples, between);
  if (by_clock && !kind) kind = BuildKind::kFull;
  if (!waits && kind == BuildKind::kFull && now < table.next_full) {
    kind = between == BuildKind::kIncrement ? between : std::nullopt;
    if (!kind) table.next = table.next_full;
  }
  return kind;
}

// In a share s of the time fits one build of length t each t / s.
void Publisher::note_cost(Table& table, const BuildReport& report) {
  if (!report.outcome) return;
  const std::chrono::duration<double> rest(report.build_seconds / live_.cpu_share);
  const auto next =
      table.built + std::chrono::duration_cast<std::chrono::steady_clock::duration>(rest);
  (report.outcome->increment ? table.next : table.next_full) = next;
}

void Publisher::start_due_builds() {
  // Versions that need not be at their exact sample can wait for the next start.
  if (given_up_ || (winding_down_ && !options_.wait_for_publish)) return;
  // Of those that are catching up each has its sample.
  const bool may_begin = !any_in_flight();
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    if (!may_begin && !tables_[t].timeline.catching_up()) continue;
    if (const auto kind = due(TableIndex{t})) start_build(TableIndex{t}, *kind, false, {});
  }
}

std::uint64_t Publisher::next_due() const {
  std::uint64_t next = std::numeric_limits<std::uint64_t>::max();
  for (const Table& table : tables_) {
    if (table.in_flight || table.timeline.stands_still()) continue;
    next = std::min(next, table.timeline.due_at());
  }
  return next;
}

bool Publisher::must_wait() const {
  return std::any_of(tables_.begin(), tables_.end(), [&](const Table& table) {
    return table.in_flight &&
           (options_.wait_for_publish || table.timeline.catching_up() || stream_ended_);
  });
}

bool Publisher::any_in_flight() const {
  return std::any_of(tables_.begin(), tables_.end(), [](const Table& t) { return t.in_flight; });
}

Result<void> Publisher::build_last_versions() {
  const std::uint64_t samples = engine_.samples();
  // All fetching before any building: the sink has one user at a time.
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    const VersionTimeline& timeline = tables_[t].timeline;
    const bool log_is_shorter_now =
        timeline.catching_up() && samples < timeline.last()->built_samples;
    if (!log_is_shorter_now) continue;
    if (auto ok = fetch_newest(TableIndex{t}); !ok) return ok;
  }
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    const VersionTimeline& timeline = tables_[t].timeline;
    if (timeline.stands_still() || samples <= timeline.built_at()) continue;
    start_build(TableIndex{t}, pipeline::BuildKind::kFull, true, {});
  }
  return {};
}

void Publisher::start_build(TableIndex index, pipeline::BuildKind kind, bool with_snapshot,
                            Answer<Version> answer) {
  Table& table = tables_[index.value];
  const NextBuild next = table.timeline.begin(kind, engine_.samples(), engine_.tracked_ids(index));
  table.built = clock_.now();
  if (next.purpose == BuildPurpose::kNothing) return;
  const bool empty = engine_.tracked_ids(index) == 0;
  if (empty && next.purpose != BuildPurpose::kRejoin) return;  // due again at the next turn
  pipeline::BuildJobPtr job = engine_.begin_build({.table = index,
                                                   .version = next.version,
                                                   .epoch = table.timeline.epoch(),
                                                   .built_ms = unix_ms(clock_.wall_time()),
                                                   .kind = next.kind});
  table.status.copy_seconds.add(std::chrono::duration<double>(clock_.now() - table.built).count());
  table.in_flight = true;
  table.answer = std::move(answer);
  builder_.submit(BuildOrder{.next = next,
                             .job = std::move(job),
                             .table = index,
                             .samples = engine_.samples(),
                             .snapshot = {.share = live_.snapshot_share, .always = with_snapshot},
                             .limits = live_.gates});
}

void Publisher::give_up() {
  given_up_ = true;
  builder_.cancel();
  builder_.request_stop();
  builder_.join();
}

// What became of it ---------------------------------------------------------------------------

void Publisher::on_report(BuildReport report) {
  Table& table = tables_[report.table.value];
  if (report.end == BuildEnd::kUnfit) return publish_whole(table, std::move(report));
  table.in_flight = false;
  if (report.gates) {
    table.status.gates = report.gates;
    table.status.build_seconds.add(report.build_seconds);
  }
  note_cost(table, report);
  const Answer<Version> answer = std::exchange(table.answer, {});
  Result<Version> end = settle(table, report);
  shelve(table, report);
  hooks_.changed();  // before the answer, so that its receiver sees the new status
  answer_with(answer, std::move(end));
  if (!any_in_flight()) run_waiting();
}

// The same version as a snapshot, which needs no room in what clients have.
void Publisher::publish_whole(Table& table, BuildReport report) {
  log_.info("a delta does not fit what clients have, the version is published whole",
            {{"table", table.timeline.table()},
             {"version", report.version.value},
             {"reason", report.error.message}});
  pipeline::BuildOutcome whole = std::move(*report.outcome);
  mapping::Mapping mapping = engine_.mapping_after(whole);
  mapping.info = whole.mapping.info;
  mapping.stats = whole.mapping.stats;
  whole.mapping = std::move(mapping);
  builder_.submit(BuildOrder{.next = report.next,
                             .job = nullptr,
                             .whole = std::move(whole),
                             .table = report.table,
                             .samples = report.samples,
                             .snapshot = {.always = true},
                             .limits = live_.gates});
}

void Publisher::run_waiting() {
  for (Table& table : tables_) {
    while (!table.in_flight && !table.waiting.empty()) {
      const Task task = std::move(table.waiting.front());
      table.waiting.pop_front();
      task();
    }
  }
}

Result<Version> Publisher::settle(Table& table, BuildReport& report) {
  TableStatus& status = table.status;
  const std::string& name = table.timeline.table();
  switch (report.end) {
    case BuildEnd::kPublished:
      settle_published(table, report);
      return report.version;
    case BuildEnd::kRebuilt:
      adopt(report);
      ++status.rebuilt;
      log_.info("built again what had been published before the restart",
                {{"table", name}, {"version", report.version.value}, {"samples", report.samples}});
      return report.version;
    case BuildEnd::kFetched:
      log_.warning("what had been published before the restart is not what the replay gives",
                   {{"table", name}, {"version", report.version.value}});
      adopt(report);
      return report.version;
    case BuildEnd::kRefused:
      ++status.refused;
      log_.warning("version refused, the one before stays",
                   {{"table", name},
                    {"version", report.version.value},
                    {"samples", report.samples},
                    {"reason", report.gates->objections()}});
      return fail(ErrorCode::kConflict, "refused: " + report.gates->objections());
    case BuildEnd::kFailed:
      log_.error(
          "version could not be published, the one before stays",
          {{"table", name}, {"version", report.version.value}, {"error", report.error.message}});
      if (report.purpose != BuildPurpose::kRollBack) {
        ++status.failed;
        status.problem = report.error.message;
      }
      if (report.purpose == BuildPurpose::kRejoin) table.timeline.forget_published();
      return fail(report.error);
    case BuildEnd::kUnfit:
      break;  // publish_whole()
    case BuildEnd::kSuperseded:
      status.problem = report.error.message;
      fatal_ = Error(report.error).with_context("table " + name);
      return fail(*fatal_);
    case BuildEnd::kCancelled:
      break;
  }
  if (report.purpose != BuildPurpose::kRollBack) table.timeline.given_up();
  log_.warning("version given up: the daemon is stopping",
               {{"table", name}, {"version", report.version.value}});
  return stopping();
}

void Publisher::settle_published(Table& table, BuildReport& report) {
  TableStatus& status = table.status;
  table.timeline.published(*report.manifest);
  adopt(report);
  const std::int64_t now_ms = unix_ms(clock_.wall_time());
  if (status.published_ms != 0) {
    status.gap_seconds.add(static_cast<double>(now_ms - status.published_ms) / 1000);
  }
  status.published_ms = now_ms;
  status.publish_seconds.add(report.publish_seconds);
  status.problem.clear();
  ++status.published;
  log_published(report);
  if (report.purpose == BuildPurpose::kRollBack) {
    log_.info("rolled back; the table is frozen until it is unfrozen",
              {{"table", table.timeline.table()},
               {"version", report.version.value},
               {"rollback_of", report.manifest->rollback_of.value}});
    hooks_.must_be_kept();
  }
}

void Publisher::shelve(const Table& table, const BuildReport& report) {
  const bool again =
      report.purpose != BuildPurpose::kPublish && report.purpose != BuildPurpose::kRollBack;
  if (again) return;  // what was published before a restart
  VersionRecord record;
  if (report.end == BuildEnd::kPublished) {
    record.outcome = VersionOutcome::kPublished;
  } else if (report.end == BuildEnd::kRefused) {
    record.outcome = VersionOutcome::kRefused;
    record.problem = report.gates->objections();
  } else if (report.end == BuildEnd::kFailed) {
    record.outcome = VersionOutcome::kFailed;
    record.problem = report.error.message;
  } else {
    return;  // given up
  }
  record.table = table.timeline.table();
  record.version = report.version;
  record.when_ms = unix_ms(clock_.wall_time());
  record.samples = report.samples;
  record.gates = report.gates;
  record.build_seconds = report.build_seconds;
  record.publish_seconds = report.publish_seconds;
  if (report.manifest) {
    record.rows = report.manifest->info.rows;
    record.stats = report.manifest->stats;
    record.stats.ids = report.manifest->ids;
    record.rollback_of = report.manifest->rollback_of;
  } else if (report.outcome) {
    record.rows = report.outcome->mapping.info.rows;
    record.stats = report.outcome->mapping.stats;
  }
  shelf_.add(std::move(record), report.kept);
}

void Publisher::adopt(const BuildReport& report) {
  if (report.artifact) {
    if (auto ok = adopt_artifact(report.table, *report.artifact); !ok) fatal_ = ok.error();
    return;
  }
  engine_.adopt(*report.outcome);
  tables_[report.table.value].timeline.adopted(report.version);
}

void Publisher::log_published(const BuildReport& report) {
  const mapping::Manifest& manifest = *report.manifest;
  const auto bytes = [&](mapping::BlobKind kind) {
    return manifest.blob(kind) ? manifest.blob(kind)->size : 0;
  };
  log_.info("published",
            {{"table", manifest.info.table},
             {"version", manifest.info.version.value},
             {"kind", report.outcome && report.outcome->increment ? "increment" : "full"},
             {"samples", report.samples},
             {"ids", manifest.ids},
             {"rows", manifest.info.rows},
             {"dedicated_traffic", manifest.stats.traffic_dedicated},
             {"shared_traffic", manifest.stats.traffic_shared},
             {"moved_traffic", manifest.stats.traffic_moved},
             {"snapshot_bytes", bytes(mapping::BlobKind::kSnapshot)},
             {"delta_bytes", bytes(mapping::BlobKind::kDelta)},
             {"plan_bytes", bytes(mapping::BlobKind::kPlan)},
             {"build_s", report.build_seconds},
             {"publish_s", report.publish_seconds}});
}

// What operators ask for ----------------------------------------------------------------------

void Publisher::when_idle(TableIndex index, const Answer<Version>& answer, Task task) {
  Table& table = tables_[index.value];
  if (winding_down_) {
    answer(stopping());
  } else if (!any_in_flight()) {
    task();
  } else if (table.waiting.size() >= kMaxWaiting) {
    answer(fail(ErrorCode::kUnavailable, "too many requests wait for the version being published",
                true));
  } else {
    table.waiting.push_back(std::move(task));
  }
}

void Publisher::publish_now(TableIndex index, Answer<Version> answer) {
  when_idle(index, answer, [this, index, answer] {
    const VersionTimeline& timeline = tables_[index.value].timeline;
    if (winding_down_) {
      answer(stopping());
    } else if (timeline.frozen()) {
      answer(fail(ErrorCode::kConflict, "table " + timeline.table() + " is frozen: unfreeze it"));
    } else if (timeline.catching_up()) {
      answer(fail(ErrorCode::kConflict, "table " + timeline.table() +
                                            " is still catching up with version " +
                                            std::to_string(timeline.last()->info.version.value) +
                                            ", published before the restart"));
    } else if (engine_.tracked_ids(index) == 0) {
      answer(fail(ErrorCode::kConflict,
                  "table " + timeline.table() + " has no ids yet: there is nothing to map"));
    } else {
      start_build(index, pipeline::BuildKind::kFull, false, answer);
    }
  });
}

void Publisher::freeze(TableIndex index, bool frozen) {
  VersionTimeline& timeline = tables_[index.value].timeline;
  if (timeline.frozen() == frozen) return;
  timeline.freeze(frozen);
  log_.info(frozen ? "table frozen" : "table unfrozen", {{"table", timeline.table()}});
  hooks_.must_be_kept();
  hooks_.changed();
}

void Publisher::roll_back(TableIndex index, Version to, Answer<Version> answer) {
  when_idle(index, answer, [this, index, to, answer] { begin_roll_back(index, to, answer); });
}

void Publisher::begin_roll_back(TableIndex index, Version to, Answer<Version> answer) {
  Table& table = tables_[index.value];
  const VersionTimeline& timeline = table.timeline;
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    answer(fail(code, "table " + timeline.table() + ": " + why));
  };
  if (winding_down_) return answer(stopping());
  if (to == kNoVersion || to > timeline.adopted()) {
    return refuse(ErrorCode::kNotFound, "there is no version " + std::to_string(to.value) +
                                            "; the newest is " +
                                            std::to_string(timeline.adopted().value));
  }
  if (to == timeline.adopted()) {
    return refuse(ErrorCode::kConflict,
                  "version " + std::to_string(to.value) + " is the newest already");
  }
  if (timeline.catching_up()) {
    return refuse(ErrorCode::kConflict, "it is still catching up after a restart");
  }
  RollBackOrder order{.table = index,
                      .table_name = timeline.table(),
                      .target = to,
                      .samples = engine_.samples(),
                      .incumbent = engine_.incumbent(index),
                      .input = {}};
  order.input.version = timeline.next_version();
  order.input.epoch = timeline.epoch();
  order.input.built_ms = unix_ms(clock_.wall_time());
  for (const pipeline::IdStats& id : engine_.heaviest(index, engine_.tracked_ids(index))) {
    order.input.ids.push_back(id.id);
    order.input.frequency.push_back(std::max(static_cast<float>(id.frequency), 1e-6F));
  }
  table.in_flight = true;
  table.answer = std::move(answer);
  builder_.submit(std::move(order));
}

// What there is to tell -----------------------------------------------------------------------

std::vector<pipeline::TableProgress> Publisher::progress() const {
  std::vector<pipeline::TableProgress> out;
  for (const Table& table : tables_) out.push_back(table.timeline.progress());
  return out;
}

std::vector<TableStatus> Publisher::status(std::vector<pipeline::TableStats> stats) const {
  std::vector<TableStatus> out;
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    const Table& table = tables_[t];
    TableStatus& status = out.emplace_back(table.status);
    status.stats = std::move(stats[t]);
    status.epoch = table.timeline.epoch();
    status.last = table.timeline.last();
    status.due_at = table.timeline.due_at();
    status.building = table.in_flight;
    status.frozen = table.timeline.frozen();
  }
  return out;
}

}  // namespace remapd::application
