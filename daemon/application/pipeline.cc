#include "daemon/application/pipeline.h"

#include <algorithm>
#include <fstream>

#include <unistd.h>

#include "core/base/failpoint.h"
#include "core/pipeline/checkpoint.h"
#include "core/pipeline/failpoints.h"

namespace remapd::application {
namespace {

using namespace std::chrono_literals;

constexpr auto kPollTimeout = 100ms;
constexpr auto kStatusInterval = 1'000ms;
constexpr auto kDeadLetterInterval = 500ms;
constexpr auto kComplaintInterval = 10'000ms;
constexpr auto kSourceRetry = 1'000ms;
// A producer's clock that is further ahead is wrong.
constexpr std::chrono::milliseconds kMostAhead = 24h;

// Of this process; 0 if the kernel does not tell.
std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

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
      next_source_complaint_(clock.now()),
      next_time_complaint_(clock.now()) {
  const Post post = [this](Task task) { tasks_.push(std::move(task)); };
  publisher_ = std::make_unique<Publisher>(
      Publisher::Options{
          .schedule = options_.schedule,
          .wait_for_publish = options_.wait_for_publish,
          .keep_versions = options_.keep_versions,
          .builder = {.instance = options_.instance,
                      .threads = options_.wait_for_publish ? 0 : options_.build_threads},
          .live = live_.publish},
      *engine_, *ports_.sink, log_, clock_,
      Publisher::Hooks{.post = post,
                       .changed = [this] { publish_status(true); },
                       .must_be_kept = [this] { checkpointer_->hurry(); }});
  checkpointer_ = std::make_unique<Checkpointer>(
      ports_.checkpoints.get(), ports_.dead_letters.get(), log_, clock_, post,
      [this](const pipeline::StreamOffsets& offsets) {
        if (auto ok = ports_.source->commit(offsets); !ok) {
          log_.warning("offsets could not be committed; only lag monitoring needs them",
                       {{"error", ok.error().message}});
        }
        failpoint(pipeline::failpoints::kCommitDone);
      });
  status_.instance = options_.instance;
  status_.source = ports_.stream;
  status_.started_ms = unix_ms(clock_.wall_time());
  status_.mini_batch = engine_->config().mini_batch;
  status_.label_wanted_by = options_.label_wanted_by;
  for (const pipeline::Feature& feature : engine_->config().features) {
    status_.features.push_back({.name = feature.name});
  }
  publish_status(true);
}

Pipeline::~Pipeline() {
  request_stop();
  if (thread_.joinable()) thread_.join();
  // If it was never started, callers of ask() are still waiting.
  tasks_.close();
  run_tasks(0ms);
}

void Pipeline::start() {
  thread_ = std::thread([this] { run(); });
}

void Pipeline::request_stop() {
  {
    const std::lock_guard lock(stop_mutex_);
    stop_requested_ = true;
  }
  stop_changed_.notify_all();
  tasks_.push([] {});  // wakes it up
}

void Pipeline::hurry() {
  request_stop();
  tasks_.push([this] {
    begin_stopping();
    stop_deadline_ = clock_.now();
  });
}

Result<void> Pipeline::join() {
  if (thread_.joinable()) thread_.join();
  return outcome_;
}

void Pipeline::apply(const LiveSettings& live) {
  tasks_.push([this, live] {
    live_ = live;
    publisher_->apply(live.publish);
  });
}

void Pipeline::run() {
  auto end = bring_up();
  if (end) end = read_stream();
  bring_down(std::move(end));
  finished_ = true;
}

// The start -----------------------------------------------------------------------------------

// `action` until it succeeds, fails for good, or a stop is requested (then kCancelled).
template <class Action>
Result<void> Pipeline::persist(const char* what, Action action) {
  for (;;) {
    Result<void> result = action();
    ++beats_;
    if (result || !result.error().retryable) {
      status_.problem.clear();
      return result;
    }
    log_.warning("not possible yet, trying again",
                 {{"what", what}, {"error", result.error().message}});
    status_.problem = result.error().message;
    publish_status(true);
    std::unique_lock lock(stop_mutex_);
    if (stop_changed_.wait_for(lock, options_.start_retry,
                               [&] { return stop_requested_.load(); })) {
      return fail(ErrorCode::kCancelled, "stopped before it had begun");
    }
  }
}

Result<void> Pipeline::bring_up() {
  set_phase(Phase::kStarting);
  auto ready = for_each_table("look at a table",
                              [&](TableIndex table) { return publisher_->examine(table); });
  if (!ready) return ready;
  set_phase(Phase::kRestoring);
  // Whatever fails until here leaves the instance alone that publishes now.
  ready = restore().and_then([&] { return take_over(); });
  if (!ready) return ready;
  log_.info(restored_ ? "goes on from a checkpoint" : "begins with empty statistics",
            {{"samples", engine_->samples()}, {"stream", ports_.stream}});
  publisher_->start();
  checkpointer_->start();
  reading_ = true;
  answering_ = true;
  if (!restored_) ready = keep_first_checkpoint();
  if (ready) set_phase(Phase::kRunning);
  return ready;
}

// persist() for all tables, one after another.
template <class Action>
Result<void> Pipeline::for_each_table(const char* what, Action action) {
  for (std::uint32_t t = 0; t < publisher_->tables(); ++t) {
    if (auto ok = persist(what, [&] { return action(TableIndex{t}); }); !ok) return ok;
  }
  return {};
}

// State, versions and source as they are now: able to serve, and nothing claimed.
Result<void> Pipeline::restore() {
  auto found = checkpointer_->restore(*engine_);
  if (!found) return fail(std::move(found).error());
  restored_ = found->has_value();
  pipeline::StreamOffsets offsets;
  if (*found) {
    const pipeline::CheckpointHeader& header = **found;
    publisher_->restore(header.tables);
    if (header.source == ports_.stream) {
      offsets = header.offsets;
    } else {
      log_.warning(
          "the checkpoint is of another stream: its statistics are kept, its offsets are not",
          {{"checkpoint", header.source}, {"stream", ports_.stream}});
    }
  }
  if (auto ok = catch_up(); !ok) return ok;
  auto started = persist("start reading", [&] { return ports_.source->start(offsets); });
  if (!started) return fail(std::move(started).error().with_context(ports_.stream));
  return {};
}

Result<void> Pipeline::catch_up() {
  return for_each_table("fetch the newest version",
                        [&](TableIndex table) { return publisher_->catch_up(table, restored_); });
}

// The instance that held the tables may have published and saved since it was looked at; from here
// on it cannot.
Result<void> Pipeline::take_over() {
  auto taken = for_each_table("take a table over",
                              [&](TableIndex table) { return publisher_->take_over(table); });
  bool current = true;
  if (taken) {
    taken = persist("take the checkpoints over", [&] {
      return checkpointer_->take_over(options_.instance).map([&](bool still) { current = still; });
    });
  }
  if (!taken) return taken;
  if (current) return catch_up();
  log_.info("another instance has saved a checkpoint meanwhile: going on from that one");
  return restore();
}

// Nothing is read before it is durable: a crash would not find where the stream began.
Result<void> Pipeline::keep_first_checkpoint() {
  return persist("keep the first checkpoint", [&]() -> Result<void> {
    save_checkpoint();
    await_checkpoint();
    if (auto error = fatal()) return fail(std::move(*error));
    const std::string& problem = checkpointer_->status().problem;
    if (problem.empty()) return {};
    return fail(ErrorCode::kUnavailable, problem, true);
  });
}

// Reading -------------------------------------------------------------------------------------

Result<void> Pipeline::read_stream() {
  for (;;) {
    ++beats_;
    run_tasks(0ms);
    if (auto error = fatal()) return fail(std::move(*error));
    if (stop_requested_) begin_stopping();
    publish_status(false);
    show_dead_letters();
    if (must_wait()) {
      run_tasks(kPollTimeout);
    } else if (cursor_.remaining() > 0) {
      take_in();
    } else if (stop_requested_ || (last_built_ && options_.stop_at_end)) {
      return {};
    } else {
      if (checkpointer_->due(live_.checkpoint_interval)) save_checkpoint();
      if (last_built_) {
        run_tasks(kPollTimeout);
      } else if (auto ok = ended_ ? build_last_versions() : read_once(); !ok) {
        return ok;
      }
    }
  }
}

Result<void> Pipeline::read_once() {
  const auto polled = ports_.source->poll(cursor_.refill(), kPollTimeout);
  if (!polled) {
    if (!polled.error().retryable) return fail(Error(polled.error()).with_context(ports_.stream));
    complain_about_source(polled.error());
    publisher_->start_due_builds();  // they need no more events
    run_tasks(kSourceRetry);
    return {};
  }
  status_.problem.clear();
  switch (*polled) {
    case pipeline::PollOutcome::kBatch:
      note_event_time(cursor_.refill().event_time_ms);
      note_features(cursor_.refill());
      cursor_.filled();
      return {};
    case pipeline::PollOutcome::kIdle:
      publisher_->start_due_builds();  // those due by the clock
      publish_status(status_.samples != engine_->samples());
      return {};
    case pipeline::PollOutcome::kEnd:
      engine_->flush();
      publisher_->end_of_stream();
      ended_ = true;
      log_.info("the log has been read to its end", {{"samples", engine_->samples()}});
      return {};
  }
  return {};
}

Result<void> Pipeline::build_last_versions() {
  last_built_ = true;
  if (auto ok = publisher_->build_last_versions(); !ok) return ok;
  if (!options_.stop_at_end) set_phase(Phase::kEnded);
  return {};
}

// A letter that cannot be written now is written later, or lost with a word when the pipeline ends.
void Pipeline::show_dead_letters() {
  if (ports_.dead_letters == nullptr || clock_.now() < next_dead_letters_) return;
  next_dead_letters_ = clock_.now() + kDeadLetterInterval;
  (void)ports_.dead_letters->show();
}

void Pipeline::complain_about_source(const Error& error) {
  ++status_.source_errors;
  status_.problem = error.message;
  if (clock_.now() < next_source_complaint_) return;
  next_source_complaint_ = clock_.now() + kComplaintInterval;
  log_.warning("cannot read events, trying again", {{"error", error.message}});
}

// Only shown: statistics and schedules count samples. One time that is far ahead would hide all
// that come after it.
void Pipeline::note_event_time(std::int64_t event_ms) {
  if (event_ms <= unix_ms(clock_.wall_time()) + kMostAhead.count()) {
    status_.event_time_ms = std::max(status_.event_time_ms, event_ms);
  } else if (clock_.now() >= next_time_complaint_) {
    next_time_complaint_ = clock_.now() + kComplaintInterval;
    log_.warning(
        "event times lie more than a day ahead and are not shown; is a producer's clock "
        "wrong?",
        {{"event_time_ms", event_ms}});
  }
}

void Pipeline::note_features(const pipeline::EventBatch& batch) {
  status_.read_samples += batch.samples();
  for (std::uint32_t f = 0; f < status_.features.size(); ++f) {
    status_.features[f].ids += batch.values(FeatureIndex{f}).size();
  }
}

// Builds due between two samples begin here, not when the first of them has been taken in: a stream
// that ends between them is folded first.
void Pipeline::take_in() {
  publisher_->start_due_builds();
  if (must_wait()) return;
  std::size_t count = cursor_.remaining();
  const std::uint64_t samples = engine_->samples();
  // A due build that may not begin yet does not stop reading.
  if (const std::uint64_t due = publisher_->next_due(); due > samples) {
    count = std::min<std::uint64_t>(count, due - samples);
  }
  failpoint(pipeline::failpoints::kIngest);
  engine_->ingest(cursor_.take(count));
  failpoint(pipeline::failpoints::kIngestDone);
}

bool Pipeline::must_wait() const {
  return publisher_->must_wait() && !(stop_deadline_ && clock_.now() >= *stop_deadline_);
}

std::optional<Error> Pipeline::fatal() const {
  return publisher_->fatal() ? publisher_->fatal() : checkpointer_->superseded();
}

// The end -------------------------------------------------------------------------------------

void Pipeline::begin_stopping() {
  if (stop_deadline_) return;
  stop_deadline_ = clock_.now() + live_.stop_timeout;
  publisher_->wind_down();
  set_phase(Phase::kStopping);
}

void Pipeline::bring_down(Result<void> end) {
  begin_stopping();
  if (end) finish_in_flight();  // after an error nothing more is waited for
  publisher_->give_up();
  run_tasks(0ms);
  if (auto error = fatal(); end && error) end = fail(std::move(*error));
  if (reading_ && !fatal()) take_last_checkpoint();
  checkpointer_->stop();
  if (ports_.dead_letters != nullptr) {
    if (auto ok = ports_.dead_letters->flush(); !ok) {
      log_.error("dead letters could not be kept", {{"error", ok.error().message}});
    }
  }
  answering_ = false;
  tasks_.close();
  run_tasks(0ms);
  if (end || end.error().code == ErrorCode::kCancelled) {
    log_.info("stopped", {{"samples", engine_->samples()}});
    set_phase(Phase::kStopped);
  } else {
    status_.problem = end.error().message;
    log_.error("stopped by an error", {{"error", end.error().message}});
    set_phase(Phase::kFailed);
    outcome_ = std::move(end);
  }
}

void Pipeline::finish_in_flight() {
  while (publisher_->any_in_flight() && !fatal() && clock_.now() < *stop_deadline_) {
    run_tasks(kPollTimeout);
    ++beats_;
  }
}

void Pipeline::take_last_checkpoint() {
  if (cursor_.remaining() > 0) engine_->ingest(cursor_.take(cursor_.remaining()));
  await_checkpoint();
  if (fatal()) return;
  save_checkpoint();
  await_checkpoint();
}

// In between ----------------------------------------------------------------------------------

void Pipeline::run_tasks(std::chrono::milliseconds wait) {
  auto task = tasks_.pop(wait);
  while (task) {
    (*task)();
    task = tasks_.pop(0ms);
  }
}

void Pipeline::save_checkpoint() {
  checkpointer_->save({.source = ports_.stream,
                       .saved_ms = unix_ms(clock_.wall_time()),
                       .samples = engine_->samples(),
                       .offsets = ports_.source->offsets(),
                       .tables = publisher_->progress()},
                      *engine_);
}

void Pipeline::await_checkpoint() {
  while (checkpointer_->in_flight()) {
    run_tasks(kPollTimeout);
    ++beats_;
  }
}

void Pipeline::set_phase(Phase phase) {
  status_.phase = phase;
  publish_status(true);
}

void Pipeline::publish_status(bool now) {
  if (!now && clock_.now() < next_status_) return;
  next_status_ = clock_.now() + kStatusInterval;
  pipeline::EngineStats stats = engine_->stats();
  status_.updated_ms = unix_ms(clock_.wall_time());
  status_.samples = stats.samples;
  status_.waiting_samples = stats.waiting_samples;
  status_.labelled_samples = stats.labelled_samples;
  status_.label_sum = stats.label_sum;
  status_.ids = stats.ids;
  status_.ticks = stats.ticks;
  status_.tick_seconds = stats.tick_seconds;
  status_.memory = {.learners = stats.learner_bytes,
                    .kept_versions = publisher_->versions().bytes(),
                    .resident = resident_bytes()};
  for (const pipeline::TableStats& table : stats.tables)
    status_.memory.tables += table.memory_bytes;
  status_.waiting_for_publication = publisher_->must_wait();
  if (reading_) note_input();
  status_.tables = publisher_->status(std::move(stats.tables));
  status_.checkpoint = checkpointer_->status();
  tell_problems();
  board_.write(status_);
}

void Pipeline::note_input() {
  pipeline::SourceCounters input = ports_.source->counters();
  const bool moved = status_.read_ms == 0 || input.messages != status_.input.messages;
  if (moved) status_.read_ms = status_.updated_ms;
  status_.input = std::move(input);
  status_.offsets = ports_.source->offsets();
}

void Pipeline::tell_problems() {
  const ProblemWatch::Changes changes =
      problems_.update(find_problems(status_), status_.updated_ms);
  for (const Problem& problem : changes.begun) {
    log_.warning("problem", {{"code", to_string(problem.code)},
                             {"where", problem.where},
                             {"what", problem.what},
                             {"advice", problem.advice}});
  }
  for (const Problem& problem : changes.over) {
    log_.info("problem is over", {{"code", to_string(problem.code)}, {"where", problem.where}});
  }
  status_.problems = problems_.current();
}

}  // namespace remapd::application
