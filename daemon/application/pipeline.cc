#include "daemon/application/pipeline.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/pipeline/checkpoint.h"

namespace remapd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kPollTimeout = 100ms;
constexpr auto kStatusInterval = 1'000ms;
constexpr auto kComplaintInterval = 10'000ms;
constexpr auto kSourceRetry = 1'000ms;
constexpr auto kBringUpRetry = 2'000ms;
constexpr auto kLongest = std::chrono::milliseconds(std::chrono::hours(1));

}  // namespace

Pipeline::Pipeline(Options options, std::unique_ptr<pipeline::Engine> engine, Ports ports,
                   StatusBoard& board, logging::Logger& log, const Clock& clock)
    : options_(std::move(options)),
      live_(options_.live),
      engine_(std::move(engine)),
      ports_(std::move(ports)),
      board_(board),
      log_(log),
      clock_(clock),
      next_source_complaint_(clock.now()) {
  for (const pipeline::TableConfig& table : engine_->config().tables) {
    tables_.push_back({.timeline = VersionTimeline(table.name, options_.schedule),
                       .status = {},
                       .in_flight = false,
                       .built = clock_.now()});
  }
  status_.instance = options_.instance;
  status_.source = ports_.stream;
  status_.started_ms = wall_ms();
  status_.checkpoint.enabled = ports_.checkpoints != nullptr;
  builder_ = std::make_unique<Builder>(
      Builder::Options{.instance = options_.instance}, *ports_.sink, log_, clock_,
      [this](BuildReport report) { messages_.push(std::move(report)); },
      [this](TableIndex table, const Error& error) { messages_.push(Retry{table, error.message}); });
  if (ports_.checkpoints != nullptr) {
    checkpointer_ = std::make_unique<Checkpointer>(
        *ports_.checkpoints, clock_,
        [this](CheckpointReport report) { messages_.push(std::move(report)); });
  }
  publish_status(true);
}

Pipeline::~Pipeline() {
  request_stop();
  if (thread_.joinable()) thread_.join();
}

void Pipeline::start() { thread_ = std::thread([this] { run(); }); }

void Pipeline::request_stop() {
  stop_requested_ = true;
  messages_.push(std::monostate{});  // wakes whoever waits for messages
}

Result<void> Pipeline::join() {
  if (thread_.joinable()) thread_.join();
  return outcome_;
}

void Pipeline::apply(const LiveSettings& live) { messages_.push(live); }

void Pipeline::run() {
  builder_->start();
  if (checkpointer_) checkpointer_->start();
  outcome_ = bring_up();
  if (outcome_ && restored_) {
    if (auto read = read_stream(); outcome_ && !read) outcome_ = std::move(read);
  }
  bring_down();
  finished_ = true;
}

// Taking over and restoring -------------------------------------------------------------------

// `action` until it succeeds, fails for good, or a stop is requested (then kCancelled).
template <class Action>
auto Pipeline::persist(const char* what, Action action) -> decltype(action()) {
  for (;;) {
    auto result = action();
    if (result || !result.error().retryable) {
      status_.problem.clear();
      return result;
    }
    log_.warning("not possible yet, trying again",
                 {{"what", what}, {"error", result.error().message}});
    status_.problem = result.error().message;
    publish_status(true);
    const auto retry_at = clock_.now() + kBringUpRetry;
    while (clock_.now() < retry_at) {
      if (stop_requested_) return fail(ErrorCode::kCancelled, "stopped before it had begun");
      handle(kPollTimeout);
      ++beats_;
    }
  }
}

Result<void> Pipeline::bring_up() {
  set_phase(Phase::kStarting);
  for (Table& table : tables_) {
    const std::string& name = table.timeline.table();
    const auto tenure = persist(
        "take the table over", [&] { return ports_.sink->take_over(name, options_.instance); });
    if (!tenure) return fail(Error(tenure.error()).with_context("table " + name));
    table.timeline.take_over(*tenure);
    log_.info("took the table over", {{"table", name},
                                      {"epoch", tenure->epoch.value},
                                      {"last_version", tenure->newest.value}});
  }
  set_phase(Phase::kRestoring);
  if (auto ok = restore(); !ok) return ok;
  set_phase(Phase::kRunning);
  return {};
}

Result<void> Pipeline::restore() {
  pipeline::StreamOffsets offsets;
  bool found = false;
  if (ports_.checkpoints != nullptr) {
    auto loaded = ports_.checkpoints->load_latest();
    if (!loaded) return fail(std::move(loaded).error().with_context("checkpoint.dir"));
    for (const std::string& line : loaded->skipped) {
      log_.warning("damaged checkpoint skipped", {{"reason", line}});
    }
    if (loaded->checkpoint) {
      if (auto ok = restore_from(*loaded->checkpoint, offsets); !ok) return ok;
      found = true;
    }
  }
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    if (!tables_[t].timeline.needs_fetch(engine_->samples(), found)) continue;
    if (auto ok = fetch_incumbent(TableIndex{t}); !ok) return ok;
  }
  auto started = persist("start reading", [&] { return ports_.source->start(offsets); });
  if (!started) return fail(std::move(started).error().with_context(ports_.stream));
  log_.info(found ? "goes on from a checkpoint" : "begins with empty statistics",
            {{"samples", engine_->samples()}, {"stream", ports_.stream}});
  restored_ = true;
  next_checkpoint_ = clock_.now() + live_.checkpoint_interval;
  // So that a crash before the first regular one finds where the stream began.
  if (!found) submit_checkpoint();
  return {};
}

Result<void> Pipeline::restore_from(ByteView checkpoint, pipeline::StreamOffsets& offsets) {
  ByteReader in(checkpoint);
  auto header = pipeline::read_checkpoint_header(in);
  if (!header) return fail(std::move(header).error());
  if (auto ok = engine_->load(in); !ok) {
    return fail(std::move(ok).error().with_context(
        "the checkpoint in checkpoint.dir does not fit the configuration"));
  }
  for (const pipeline::TableProgress& progress : header->tables) {
    for (Table& table : tables_) {
      if (table.timeline.table() == progress.table) table.timeline.restore(progress);
    }
  }
  if (header->source == ports_.stream) {
    offsets = header->offsets;
  } else {
    log_.warning("the checkpoint is of another stream: its statistics are kept, its offsets are not",
                 {{"checkpoint", header->source}, {"stream", ports_.stream}});
  }
  status_.checkpoint.last_ms = header->saved_ms;
  status_.checkpoint.last_samples = header->samples;
  status_.checkpoint.last_bytes = checkpoint.size();
  return {};
}

// The newest published version becomes the incumbent. Only while the builder has nothing to do.
Result<void> Pipeline::fetch_incumbent(TableIndex index) {
  VersionTimeline& timeline = tables_[index.value].timeline;
  const Version version = timeline.last()->info.version;
  const auto artifact = persist("fetch the newest version", [&] {
    return ports_.sink->snapshot(timeline.table(), version);
  });
  if (!artifact) {
    const bool gone = artifact.error().code == ErrorCode::kNotFound ||
                      artifact.error().code == ErrorCode::kCorrupt;
    if (!gone) return fail(Error(artifact.error()).with_context("table " + timeline.table()));
    log_.warning("the newest version cannot be fetched: the next one will not be its successor",
                 {{"table", timeline.table()},
                  {"version", version.value},
                  {"error", artifact.error().message}});
    timeline.forget_published();
    return {};
  }
  return adopt_artifact(index, **artifact);
}

Result<void> Pipeline::adopt_artifact(TableIndex index, const mapping::Blob& artifact) {
  VersionTimeline& timeline = tables_[index.value].timeline;
  auto view = mapping::ArtifactView::open(artifact.view(), mapping::Verify::kAll);
  if (!view) return fail(std::move(view).error().with_context("table " + timeline.table()));
  if (auto ok = engine_->adopt(index, *view); !ok) return ok;
  timeline.adopted(view->info().version);
  log_.info("adopted a published version",
            {{"table", timeline.table()}, {"version", view->info().version.value}});
  return {};
}

// Reading ---------------------------------------------------------------------------------------

Result<void> Pipeline::read_stream() {
  for (;;) {
    ++beats_;
    handle(0ms);
    if (!outcome_) return {};
    if (stop_requested_ && !stop_deadline_) {
      set_phase(Phase::kStopping);
      stop_deadline_ = clock_.now() + live_.stop_timeout;
    }
    publish_status(false);
    if (must_wait()) {
      handle(kPollTimeout);
    } else if (cursor_.remaining() > 0) {
      take_in();
    } else if (stop_requested_ || (last_built_ && options_.stop_at_end)) {
      return {};
    } else if (last_built_) {
      checkpoint_if_due();
      handle(kPollTimeout);
    } else if (ended_) {
      if (auto ok = build_last_versions(); !ok) return ok;
    } else {
      checkpoint_if_due();
      if (auto ok = read_once(); !ok) return ok;
    }
  }
}

Result<void> Pipeline::read_once() {
  const auto polled = ports_.source->poll(cursor_.refill(), kPollTimeout);
  if (!polled) {
    if (!polled.error().retryable) return fail(Error(polled.error()).with_context(ports_.stream));
    complain_about_source(polled.error());
    handle(kSourceRetry);
    return {};
  }
  status_.problem.clear();
  if (*polled == pipeline::PollOutcome::kBatch) {
    status_.event_time_ms = std::max(status_.event_time_ms, cursor_.refill().event_time_ms);
    cursor_.filled();
  } else if (*polled == pipeline::PollOutcome::kEnd) {
    end_of_stream();
  } else {
    start_due_builds();  // those due by the clock
  }
  return {};
}

void Pipeline::complain_about_source(const Error& error) {
  ++status_.source_errors;
  status_.problem = error.message;
  if (clock_.now() < next_source_complaint_) return;
  next_source_complaint_ = clock_.now() + kComplaintInterval;
  log_.warning("cannot read events, trying again", {{"error", error.message}});
}

// Builds due between two samples begin here, not when the first of them has been taken in: a stream
// that ends between them is folded first.
void Pipeline::take_in() {
  start_due_builds();
  if (must_wait()) return;
  std::size_t count = cursor_.remaining();
  const std::uint64_t samples = engine_->samples();
  // A due build that could not begin yet (one is in flight) holds nobody up.
  if (const std::uint64_t due = next_due(); due > samples) {
    count = std::min<std::uint64_t>(count, due - samples);
  }
  engine_->ingest(cursor_.take(count));
}

std::uint64_t Pipeline::next_due() const {
  std::uint64_t due = std::numeric_limits<std::uint64_t>::max();
  for (const Table& table : tables_) {
    if (!table.in_flight) due = std::min(due, table.timeline.due_at());
  }
  return due;
}

void Pipeline::end_of_stream() {
  engine_->flush();
  ended_ = true;
  log_.info("the log has been read to its end", {{"samples", engine_->samples()}});
}

Result<void> Pipeline::build_last_versions() {
  last_built_ = true;
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    VersionTimeline& timeline = tables_[t].timeline;
    const std::uint64_t samples = engine_->samples();
    if (timeline.catching_up() && samples < timeline.last()->built_samples) {
      // The log is shorter than it was.
      if (auto ok = fetch_incumbent(TableIndex{t}); !ok) return ok;
    }
    if (samples > timeline.built_at()) start_build(TableIndex{t}, true);
  }
  if (!options_.stop_at_end) set_phase(Phase::kEnded);
  return {};
}

// Building ----------------------------------------------------------------------------------------

bool Pipeline::must_wait() const {
  const bool patient = !stop_deadline_ || clock_.now() < *stop_deadline_;
  return patient && std::any_of(tables_.begin(), tables_.end(), [&](const Table& table) {
    return table.in_flight &&
           (options_.wait_for_publish || table.timeline.catching_up() || ended_);
  });
}

bool Pipeline::any_in_flight() const {
  return std::any_of(tables_.begin(), tables_.end(), [](const Table& t) { return t.in_flight; });
}

void Pipeline::start_due_builds() {
  // When stopping, versions that need not be at their exact sample can wait for the next start.
  const bool late = stop_deadline_ && clock_.now() >= *stop_deadline_;
  if (stop_requested_ && (late || !options_.wait_for_publish)) return;
  const std::uint64_t samples = engine_->samples();
  for (std::uint32_t t = 0; t < tables_.size(); ++t) {
    const Table& table = tables_[t];
    if (table.in_flight) continue;
    const bool by_clock = live_.publish_interval > 0ms && !table.timeline.catching_up() &&
                          clock_.now() - table.built >= live_.publish_interval &&
                          samples > table.timeline.built_at();
    if (by_clock || samples >= table.timeline.due_at()) start_build(TableIndex{t}, false);
  }
}

void Pipeline::start_build(TableIndex index, bool last_version) {
  Table& table = tables_[index.value];
  const NextBuild next = table.timeline.begin(engine_->samples());
  pipeline::BuildJobPtr job = engine_->begin_build({.table = index,
                                                    .version = next.version,
                                                    .epoch = table.timeline.epoch(),
                                                    .built_ms = wall_ms()});
  table.built = clock_.now();
  if (next.purpose == BuildPurpose::kDiscard) return;
  const bool regular = (next.version.value - 1) % live_.snapshot_every == 0;
  table.in_flight = true;
  builder_->submit({.purpose = next.purpose,
                    .job = std::move(job),
                    .table = index,
                    .version = next.version,
                    .samples = engine_->samples(),
                    .with_snapshot = regular || last_version || !next.parent_is_published,
                    .limits = live_.gates,
                    .expected_content = next.expected_content});
}

bool Pipeline::handle(std::chrono::milliseconds wait) {
  bool any = false;
  auto message = messages_.pop(wait);
  while (message) {
    any = true;
    std::visit([this](auto&& m) { on_message(std::forward<decltype(m)>(m)); },
               std::move(*message));
    message = messages_.pop(0ms);
  }
  return any;
}

void Pipeline::on_message(BuildReport report) {
  Table& table = tables_[report.table.value];
  TableStatus& status = table.status;
  const std::string& name = table.timeline.table();
  table.in_flight = false;
  if (report.gates) {
    status.gates = report.gates;
    status.build_seconds.add(report.build_seconds);
  }
  switch (report.end) {
    case BuildEnd::kPublished:
      engine_->adopt(report.outcome);
      table.timeline.adopted(report.version);
      table.timeline.published(*report.manifest);
      status.published_ms = wall_ms();
      status.publish_seconds.add(report.publish_seconds);
      status.problem.clear();
      ++status.published;
      log_published(report);
      break;
    case BuildEnd::kRebuilt:
      engine_->adopt(report.outcome);
      table.timeline.adopted(report.version);
      ++status.rebuilt;
      log_.info("built again what had been published before the restart",
                {{"table", name}, {"version", report.version.value}, {"samples", report.samples}});
      break;
    case BuildEnd::kFetched:
      log_.warning("what had been published before the restart is not what the replay gives",
                   {{"table", name}, {"version", report.version.value}});
      if (auto ok = adopt_artifact(report.table, *report.artifact); !ok) outcome_ = ok;
      break;
    case BuildEnd::kRefused:
      ++status.refused;
      log_.warning("version refused, the one before stays",
                   {{"table", name},
                    {"version", report.version.value},
                    {"samples", report.samples},
                    {"reason", report.gates->objections()}});
      break;
    case BuildEnd::kFailed:
      ++status.failed;
      status.problem = report.error.message;
      log_.error("version could not be published, the one before stays",
                 {{"table", name},
                  {"version", report.version.value},
                  {"error", report.error.message}});
      if (report.purpose == BuildPurpose::kRejoin) table.timeline.forget_published();
      break;
    case BuildEnd::kSuperseded:
      status.problem = report.error.message;
      superseded_ = true;
      outcome_ = fail(std::move(report.error).with_context("table " + name));
      break;
    case BuildEnd::kCancelled:
      log_.warning("version given up: the daemon is stopping",
                   {{"table", name}, {"version", report.version.value}});
      break;
  }
  publish_status(true);
}

void Pipeline::log_published(const BuildReport& report) {
  const mapping::Manifest& manifest = *report.manifest;
  const auto bytes = [&](mapping::BlobKind kind) {
    return manifest.blob(kind) ? manifest.blob(kind)->size : 0;
  };
  log_.info("published", {{"table", manifest.info.table},
                          {"version", manifest.info.version.value},
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

void Pipeline::on_message(Retry retry) {
  tables_[retry.table.value].status.problem = std::move(retry.error);
  publish_status(true);
}

// Checkpoints -------------------------------------------------------------------------------------

void Pipeline::checkpoint_if_due() {
  if (!checkpointer_ || checkpoint_in_flight_ || clock_.now() < next_checkpoint_) return;
  submit_checkpoint();
}

// Only between batches: state and offsets then belong together.
void Pipeline::submit_checkpoint() {
  if (!checkpointer_) return;
  next_checkpoint_ = clock_.now() + live_.checkpoint_interval;
  if (ports_.dead_letters != nullptr) {
    // What was put aside must be safe before reading goes on behind it.
    if (auto ok = ports_.dead_letters->flush(); !ok) {
      note_checkpoint_failure(std::move(ok).error().with_context("dead letters"));
      return;
    }
  }
  pipeline::CheckpointHeader header{.source = ports_.stream,
                                    .saved_ms = wall_ms(),
                                    .samples = engine_->samples(),
                                    .offsets = ports_.source->offsets(),
                                    .tables = {}};
  for (const Table& table : tables_) header.tables.push_back(table.timeline.progress());
  ByteWriter out;
  out.bytes().reserve(status_.checkpoint.last_bytes + status_.checkpoint.last_bytes / 8);
  pipeline::write_checkpoint(header, *engine_, out);
  checkpoint_in_flight_ = true;
  checkpointer_->submit(std::move(out).take(), std::move(header.offsets), header.samples);
}

void Pipeline::note_checkpoint_failure(const Error& error) {
  ++status_.checkpoint.failed;
  status_.checkpoint.problem = error.message;
  log_.error("checkpoint failed", {{"error", error.message}});
}

void Pipeline::on_message(CheckpointReport report) {
  checkpoint_in_flight_ = false;
  CheckpointStatus& status = status_.checkpoint;
  if (report.error) {
    note_checkpoint_failure(*report.error);
    if (report.error->code == ErrorCode::kConflict) {
      superseded_ = true;
      outcome_ = fail(std::move(*report.error).with_context("checkpoint.dir"));
    }
    return;
  }
  ++status.saved;
  status.problem.clear();
  status.last_ms = wall_ms();
  status.last_bytes = report.bytes;
  status.last_samples = report.samples;
  status.seconds.add(report.seconds);
  log_.debug("checkpoint saved", {{"samples", report.samples},
                                  {"bytes", report.bytes},
                                  {"seconds", report.seconds}});
  if (auto ok = ports_.source->commit(report.offsets); !ok) {
    log_.warning("offsets could not be committed; only lag monitoring needs them",
                 {{"error", ok.error().message}});
  }
}

// The end -----------------------------------------------------------------------------------------

void Pipeline::bring_down() {
  set_phase(Phase::kStopping);
  if (!stop_deadline_) stop_deadline_ = clock_.now() + live_.stop_timeout;
  // After an error nothing more is waited for.
  while (outcome_ && any_in_flight() && clock_.now() < *stop_deadline_) {
    handle(kPollTimeout);
    ++beats_;
  }
  builder_->cancel();
  builder_->request_stop();
  builder_->join();
  handle(0ms);
  if (restored_ && !superseded_) {
    if (cursor_.remaining() > 0) engine_->ingest(cursor_.take(cursor_.remaining()));
    await_checkpoint();
    submit_checkpoint();
    await_checkpoint();
  }
  if (checkpointer_) {
    checkpointer_->request_stop();
    checkpointer_->join();
  }
  if (ports_.dead_letters != nullptr) {
    if (auto ok = ports_.dead_letters->flush(); !ok) {
      log_.error("dead letters could not be kept", {{"error", ok.error().message}});
    }
  }
  if (outcome_ || outcome_.error().code == ErrorCode::kCancelled) {
    outcome_ = {};
    log_.info("stopped", {{"samples", engine_->samples()}});
  } else {
    status_.problem = outcome_.error().message;
    log_.error("stopped by an error", {{"error", outcome_.error().message}});
  }
  set_phase(outcome_ ? Phase::kStopped : Phase::kFailed);
}

void Pipeline::await_checkpoint() {
  while (checkpoint_in_flight_) {
    handle(kLongest);
    ++beats_;
  }
}

// Status ------------------------------------------------------------------------------------------

void Pipeline::set_phase(Phase phase) {
  status_.phase = phase;
  publish_status(true);
}

void Pipeline::publish_status(bool now) {
  if (!now && clock_.now() < next_status_) return;
  next_status_ = clock_.now() + kStatusInterval;
  pipeline::EngineStats stats = engine_->stats();
  status_.updated_ms = wall_ms();
  status_.samples = stats.samples;
  status_.labelled_samples = stats.labelled_samples;
  status_.label_sum = stats.label_sum;
  status_.ids = stats.ids;
  status_.ticks = stats.ticks;
  status_.waiting_for_publication = must_wait();
  if (restored_) {
    status_.input = ports_.source->counters();
    status_.offsets = ports_.source->offsets();
  }
  status_.tables.clear();
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    TableStatus& status = tables_[t].status;
    status.stats = std::move(stats.tables[t]);
    status.epoch = tables_[t].timeline.epoch();
    status.last = tables_[t].timeline.last();
    status.due_at = tables_[t].timeline.due_at();
    status.building = tables_[t].in_flight;
    status_.tables.push_back(status);
  }
  board_.write(status_);
}

std::int64_t Pipeline::wall_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             clock_.wall_time().time_since_epoch())
      .count();
}

}  // namespace remapd::daemon
