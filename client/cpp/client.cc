#include "client/cpp/client.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"

namespace remapd::client {

using mapping::BlobKind;
using mapping::Manifest;

namespace {

constexpr std::chrono::milliseconds kPollTimeout{200};
constexpr std::chrono::seconds kPauseAfterError{1};
constexpr std::chrono::milliseconds kPauseOfFirstLook{10};

std::string name_of(const Manifest& manifest) {
  return fmt::format("version {} of table \"{}\"", manifest.info.version.value,
                     manifest.info.table);
}

}  // namespace

Result<std::unique_ptr<Client>> Client::create(std::unique_ptr<mapping::MappingSource> source,
                                               ClientOptions options) {
  REMAPD_CHECK(source != nullptr, "a client has a source");
  if (options.table.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the client's option table is empty");
  }
  if (options.rows == 0 || options.rows == kNoRow.value) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the client's option rows is {}; give the row budget of table \"{}\"",
                            options.rows, options.table));
  }
  if (options.max_staged == 0) {
    return fail(ErrorCode::kInvalidArgument, "the client's option max_staged is 0; at least 1");
  }
  return std::unique_ptr<Client>(new Client(std::move(source), std::move(options)));
}

Client::Client(std::unique_ptr<mapping::MappingSource> source, ClientOptions options)
    : options_(std::move(options)),
      initial_(LoadedMapping::initial(options_.rows, options_.seed)),
      serving_(std::make_shared<ServingPoint>(initial_)),
      source_(std::move(source)),
      rows_(options_.rows) {}

Client::~Client() {
  stop();
}

void Client::start() {
  if (poller_.joinable()) return;
  follows_ = true;
  poller_ = std::jthread([this](const std::stop_token& stopped) {
    std::mutex pause;
    std::condition_variable_any woken;
    while (!stopped.stop_requested()) {
      if (poll(kPollTimeout)) continue;
      std::unique_lock lock(pause);
      woken.wait_for(lock, stopped, kPauseAfterError, [] { return false; });
    }
  });
}

void Client::stop() {
  if (!poller_.joinable()) return;
  stopping_ = true;
  poller_.request_stop();
  poller_.join();
  stopping_ = false;
  follows_ = false;
  if (!has_polled_.exchange(true)) has_polled_.notify_all();
}

// The source, and the first time for as long as it takes to be told of what is there.
Result<std::vector<Manifest>> Client::ask(std::chrono::milliseconds timeout) {
  using std::chrono::steady_clock;
  if (!pending_.empty()) timeout = {};  // what waits for another attempt is due at once
  if (caught_up_) return source_->poll(timeout);
  const bool first = !has_polled_;
  const auto patience =
      std::max<std::chrono::milliseconds>(first ? kFirstPatience : timeout, timeout);
  const auto begun = steady_clock::now();
  auto manifests = source_->poll(first ? kPollTimeout : timeout);
  for (;;) {
    const auto waited = steady_clock::now() - begun;
    if (manifests && (source_->caught_up() || !manifests->empty() || waited >= kFirstLook)) {
      caught_up_ = true;
      break;
    }
    if (stopping_ || (!manifests && (!manifests.error().retryable || waited >= patience))) break;
    if (!manifests) std::this_thread::sleep_for(kPauseOfFirstLook);
    manifests = source_->poll(kPollTimeout);
  }
  return manifests;
}

// What is staged is asked for right after start(): before the thread has looked there is nothing.
void Client::await_first_look() const {
  while (follows_ && !has_polled_) has_polled_.wait(false);
}

Result<std::size_t> Client::poll(std::chrono::milliseconds timeout) {
  std::unique_lock polling(poll_mutex_, std::defer_lock);
  if (timeout > std::chrono::milliseconds{0} || !has_polled_) {
    polling.lock();
  } else if (!polling.try_lock()) {
    return std::size_t{0};  // another thread, start()'s for one, is about it: no step waits for it
  }
  auto polled = poll_locked(timeout);
  {
    const std::lock_guard lock(mutex_);
    poll_error_ = polled ? std::nullopt : std::optional(polled.error());
  }
  if (!has_polled_.exchange(true)) has_polled_.notify_all();
  return polled;
}

Result<std::size_t> Client::poll_locked(std::chrono::milliseconds timeout) {
  auto manifests = ask(timeout);
  if (!manifests) {
    const std::lock_guard lock(mutex_);
    ++stats_.poll_errors;
    if (stats_.last_problem != manifests.error().message) {
      note_problem_locked(manifests.error().message);
    }
    return fail(std::move(manifests).error());
  }
  if (source_->last_problem() != source_problem_) {
    source_problem_ = source_->last_problem();
    note_problem(source_problem_);
  }
  for (Manifest& manifest : *manifests) {
    if (acceptable(manifest)) pending_.push_back({std::move(manifest)});
  }
  std::size_t swappable = 0;
  while (!pending_.empty()) {
    auto loaded = load(pending_.front());
    if (!loaded) break;
    pending_.pop_front();
    if (stage(std::move(*loaded))) ++swappable;
  }
  tell_if_stuck();
  serving_->reclaim();
  if (misfit_ && served() == kNoVersion) return fail(*misfit_);
  return swappable;
}

// The first version decides: what comes after it leads on from there.
bool Client::fits(const Manifest& manifest) {
  if (seen_ != kNoVersion) return true;
  const auto refuse = [&](std::string_view option, std::uint64_t theirs, std::uint64_t ours,
                          std::string_view remedy) {
    misfit_ =
        Error{ErrorCode::kInvalidArgument,
              fmt::format("{} was built with {} = {}, this client was opened with {} = {}: {}",
                          name_of(manifest), option, theirs, option, ours, remedy),
              false};
    return false;
  };
  if (manifest.info.rows != options_.rows) {
    return refuse(
        "rows", manifest.info.rows, options_.rows,
        fmt::format("open it with rows = {} and give the embedding as many rows, or change "
                    "rows in the table's section of the daemon's configuration",
                    manifest.info.rows));
  }
  if (manifest.info.fallback.seed != options_.seed) {
    return refuse("seed", manifest.info.fallback.seed, options_.seed,
                  fmt::format("open it with seed = {}, which is [learning] seed of the daemon",
                              manifest.info.fallback.seed));
  }
  misfit_.reset();
  return true;
}

bool Client::acceptable(const Manifest& manifest) {
  const std::lock_guard lock(mutex_);
  ++stats_.manifests;
  if (manifest.info.table != options_.table) {
    ++stats_.rejected;
    note_problem_locked(
        fmt::format("the source of table \"{}\" reported {}", options_.table, name_of(manifest)));
    return false;
  }
  if (!fits(manifest)) {
    ++stats_.rejected;
    note_problem_locked(misfit_->message);
    return false;
  }
  if (manifest.info.version <= seen_ || manifest.info.epoch < epoch_) {
    ++stats_.stale;
    note_problem_locked(
        fmt::format("{} of epoch {} is stale: version {} of epoch {} was there before",
                    name_of(manifest), manifest.info.epoch.value, seen_.value, epoch_.value));
    return false;
  }
  seen_ = manifest.info.version;
  epoch_ = manifest.info.epoch;
  return true;
}

// Nothing: worth another attempt at the next poll.
std::optional<Client::Staged> Client::load(Pending& pending) {
  ++pending.attempts;
  Staged staged;
  staged.manifest = pending.manifest;
  auto mapping = load_mapping(pending.manifest, staged.from_delta);
  auto plan = load_plan(pending.manifest);
  const bool may_pass =
      (!mapping && mapping.error().retryable) || (!plan && plan.error().retryable);
  if (!plan) staged.problem = fmt::format("its plan is missing: {}", plan.error().message);
  if (!mapping) {
    staged.problem =
        fmt::format("{} is passed over: {}", name_of(pending.manifest), mapping.error().message);
  }
  if (!staged.problem.empty()) note_problem(staged.problem);
  if (may_pass && pending.attempts < kAttempts) {
    const std::lock_guard lock(mutex_);
    ++stats_.retries;
    return std::nullopt;
  }
  if (mapping) staged.mapping = newest_ = std::move(*mapping);
  if (plan) staged.plan = std::move(*plan);
  check_rows(staged);
  return staged;
}

// A table may get another row budget; only a plan from the rows there were leads across that.
void Client::check_rows(Staged& staged) {
  const std::uint32_t rows = staged.manifest.info.rows;
  if (rows == rows_) return;
  if (staged.plan != nullptr && staged.plan->from_rows == rows_) {
    rows_ = rows;
    return;
  }
  staged.mapping = nullptr;
  staged.problem = fmt::format(
      "{} is passed over: it has {} rows, those before it {}, and no plan "
      "leads from these to those",
      name_of(staged.manifest), rows, rows_);
  note_problem(staged.problem);
}

Result<LoadedMappingPtr> Client::load_mapping(const Manifest& manifest, bool& from_delta) {
  std::optional<Error> why_no_snapshot;
  if (manifest.blob(BlobKind::kSnapshot)) {
    auto blob = fetch(manifest, BlobKind::kSnapshot);
    if (blob && !options_.map_files) blob = LoadedMapping::in_own_memory(std::move(*blob));
    auto loaded = blob ? LoadedMapping::from_snapshot(manifest, std::move(*blob))
                       : Result<LoadedMappingPtr>(fail(std::move(blob).error()));
    if (loaded || loaded.error().retryable || !manifest.blob(BlobKind::kDelta)) return loaded;
    why_no_snapshot = std::move(loaded).error();
  }
  const auto by_delta = [&]() -> Result<LoadedMappingPtr> {
    if (newest_ == nullptr || newest_->version() != manifest.info.parent) {
      return fail(ErrorCode::kConflict,
                  fmt::format("it is a delta to version {}, and version {} is what there is",
                              manifest.info.parent.value,
                              newest_ == nullptr ? 0 : newest_->version().value));
    }
    auto blob = fetch(manifest, BlobKind::kDelta);
    if (!blob) return fail(std::move(blob).error());
    from_delta = true;
    return LoadedMapping::from_delta(*newest_, manifest, (*blob)->view());
  };
  auto loaded = by_delta();
  if (!loaded && why_no_snapshot) {
    return fail(std::move(loaded).error().with_context(why_no_snapshot->message));
  }
  return loaded;
}

Result<PlanPtr> Client::load_plan(const Manifest& manifest) {
  if (!manifest.blob(BlobKind::kPlan)) {
    return fail(ErrorCode::kNotFound, fmt::format("{} has no plan", name_of(manifest)));
  }
  auto blob = fetch(manifest, BlobKind::kPlan);
  if (!blob) return fail(std::move(blob).error());
  auto plan = mapping::decode_plan((*blob)->view());
  if (!plan) return fail(std::move(plan).error());
  if (plan->table != manifest.info.table || plan->from != manifest.info.parent ||
      plan->to != manifest.info.version || plan->to_rows != manifest.info.rows) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("the plan published with {} is one from version {} to {} of table "
                            "\"{}\" with {} rows",
                            name_of(manifest), plan->from.value, plan->to.value, plan->table,
                            plan->to_rows));
  }
  return std::make_shared<const mapping::MigrationPlan>(std::move(*plan));
}

Result<mapping::BlobPtr> Client::fetch(const Manifest& manifest, BlobKind kind) {
  auto blob = source_->fetch(manifest, kind);
  if (blob) {
    const std::lock_guard lock(mutex_);
    stats_.bytes += (*blob)->view().size();
  }
  return blob;
}

bool Client::stage(Staged staged) {
  std::vector<LoadedMappingPtr> freed;  // after the lock
  const std::lock_guard lock(mutex_);
  const bool swappable = staged.mapping != nullptr;
  ++(swappable ? stats_.staged : stats_.rejected);
  if (swappable && staged.from_delta) ++stats_.from_deltas;
  ++(staged.plan != nullptr ? stats_.plans : stats_.plans_missing);
  staged_.push_back(std::move(staged));
  give_up_oldest_locked(freed);
  return swappable;
}

bool Client::rows_are_fresh_locked() const {
  return served_ == kNoVersion && !initial_->looked_up();
}

void Client::tell_if_stuck() {
  const std::lock_guard lock(mutex_);
  if (stuck_at_ == served_ || rows_are_fresh_locked()) return;
  const auto newest = std::find_if(staged_.rbegin(), staged_.rend(),
                                   [](const Staged& s) { return s.mapping != nullptr; });
  if (newest == staged_.rend()) return;
  const Migration migration =
      migration_locked(static_cast<std::size_t>(staged_.rend() - newest) - 1);
  if (migration.complete() || leads_on_locked()) return;
  stuck_at_ = served_;
  note_problem_locked(
      fmt::format("table \"{}\" stays at version {}: version {} is there, but {}. {}",
                  options_.table, served_.value, migration.to().value, migration.missing(),
                  served_ == kNoVersion ? "Ids have been looked up in version 0 already, so the "
                                          "rows may have learned. If they have "
                                          "not, adopt the version: adopt() in Python, "
                                          "Unmigrated::kAllow, allow_unmigrated in C. If "
                                          "they have, start them afresh"
                                        : "Start again with the rows of a checkpoint of a version "
                                          "that is there, or afresh. To keep "
                                          "plans for longer: [sink] retain_versions"));
}

// Whether a version whose mapping is there can be swapped to with its plans.
bool Client::leads_on_locked() const {
  Version reached = served_;
  for (const Staged& staged : staged_) {
    if (staged.plan == nullptr || staged.manifest.info.parent != reached) return false;
    if (staged.mapping != nullptr) return true;
    reached = staged.manifest.info.version;
  }
  return false;
}

// The one offered and the newest are kept in any case.
void Client::give_up_oldest_locked(std::vector<LoadedMappingPtr>& freed) {
  auto in_memory = static_cast<std::size_t>(
      std::ranges::count_if(staged_, [](const Staged& s) { return s.mapping != nullptr; }));
  for (auto at = staged_.begin(); in_memory > options_.max_staged && at + 1 != staged_.end();
       ++at) {
    if (at->mapping == nullptr || at->manifest.info.version == offered_) continue;
    freed.push_back(std::move(at->mapping));
    at->problem = fmt::format("{} was given up: more than {} versions are staged (max_staged)",
                              name_of(at->manifest), options_.max_staged);
    --in_memory;
  }
}

std::vector<StagedVersion> Client::staged() const {
  await_first_look();
  const std::lock_guard lock(mutex_);
  std::vector<StagedVersion> out;
  const bool fresh = rows_are_fresh_locked();
  Version reached = served_;
  for (const Staged& staged : staged_) {
    const bool leads_on = staged.plan != nullptr && staged.manifest.info.parent == reached;
    if (leads_on) reached = staged.manifest.info.version;
    out.push_back({staged.manifest, staged.mapping != nullptr, leads_on || fresh});
  }
  return out;
}

Offer Client::offer(Version at_most, std::uint64_t samples) {
  await_first_look();
  const std::lock_guard lock(mutex_);
  Offer offer{served_, kNoVersion};
  offered_fresh_ = rows_are_fresh_locked();
  Version reached = served_;
  for (const Staged& staged : staged_) {
    const mapping::Manifest& manifest = staged.manifest;
    const bool leads_on = staged.plan != nullptr && manifest.info.parent == reached;
    if (!leads_on && !offered_fresh_) break;
    if (manifest.info.version > at_most || manifest.built_samples > samples) break;
    reached = manifest.info.version;
    if (staged.mapping != nullptr) offer.version = reached;
  }
  offered_ = offer.version;
  return offer;
}

std::optional<Error> Client::poll_error() const {
  await_first_look();
  const std::lock_guard lock(mutex_);
  return poll_error_;
}

Version Client::served() const {
  const std::lock_guard lock(mutex_);
  return served_;
}

Migration Client::migration_locked(std::size_t target) const {
  const Version to = staged_[target].manifest.info.version;
  std::vector<PlanPtr> plans;
  Version reached = served_;
  for (std::size_t i = 0; i <= target; ++i) {
    const Staged& staged = staged_[i];
    if (staged.manifest.info.parent != reached) {
      return {served_, to,
              fmt::format("the plan from version {} is missing: the next version there is, {}, "
                          "comes after version {}",
                          reached.value, staged.manifest.info.version.value,
                          staged.manifest.info.parent.value)};
    }
    if (staged.plan == nullptr) {
      return {served_, to,
              fmt::format("the plan from version {} to {} is missing: {}", reached.value,
                          staged.manifest.info.version.value, staged.problem)};
    }
    plans.push_back(staged.plan);
    reached = staged.manifest.info.version;
  }
  return {served_, to, std::move(plans)};
}

Result<Migration> Client::swap_locked(std::size_t target, Unmigrated unmigrated) {
  Migration migration = migration_locked(target);
  // What was offered may be done, though ids have been looked up since.
  const bool fresh = rows_are_fresh_locked() ||
                     (offered_fresh_ && served_ == kNoVersion && offered_ == migration.to());
  if (!migration.complete() && fresh) {
    migration = Migration(served_, migration.to(), std::vector<PlanPtr>{});
  }
  if (!migration.complete() && unmigrated == Unmigrated::kRefuse) {
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot swap table \"{}\" from version {} to {}: {}; swap with "
                            "Unmigrated::kAllow if the table's rows have learned nothing yet, come "
                            "from a checkpoint of version {}, or are to be started afresh",
                            options_.table, served_.value, migration.to().value,
                            migration.missing(), migration.to().value));
  }
  serving_->swap(std::move(staged_[target].mapping));
  served_ = migration.to();
  offered_ = kNoVersion;
  offered_fresh_ = false;
  staged_.erase(staged_.begin(), staged_.begin() + static_cast<std::ptrdiff_t>(target) + 1);
  ++stats_.swaps;
  return migration;
}

Result<Migration> Client::swap_next(Unmigrated unmigrated) {
  await_first_look();
  const std::lock_guard lock(mutex_);
  const auto next =
      std::ranges::find_if(staged_, [](const Staged& staged) { return staged.mapping != nullptr; });
  if (next == staged_.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no version of table \"{}\" newer than {} is staged", options_.table,
                            served_.value));
  }
  return swap_locked(static_cast<std::size_t>(next - staged_.begin()), unmigrated);
}

Result<Migration> Client::swap_to(Version version, Unmigrated unmigrated) {
  await_first_look();
  const std::lock_guard lock(mutex_);
  if (version <= served_) {
    return fail(ErrorCode::kConflict,
                fmt::format("cannot swap table \"{}\" to version {}: version {} is served already; "
                            "to go back, roll back in the daemon, which publishes the old mapping "
                            "as a new version with its migration plan",
                            options_.table, version.value, served_.value));
  }
  const auto found = std::ranges::find_if(
      staged_, [&](const Staged& staged) { return staged.manifest.info.version == version; });
  if (found == staged_.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("version {} of table \"{}\" is not staged",
                                                  version.value, options_.table));
  }
  if (found->mapping == nullptr) return fail(ErrorCode::kNotFound, found->problem);
  return swap_locked(static_cast<std::size_t>(found - staged_.begin()), unmigrated);
}

ClientStats Client::stats() const {
  const std::size_t waiting = serving_->reclaim();
  const std::size_t readers = serving_->readers();
  const std::lock_guard lock(mutex_);
  ClientStats out = stats_;
  out.served = served_;
  for (const Staged& staged : staged_) {
    if (staged.mapping == nullptr) continue;
    ++out.staged_now;
    out.newest_staged = staged.manifest.info.version;
  }
  out.waiting_to_be_freed = waiting;
  out.readers = readers;
  return out;
}

std::pair<std::uint64_t, std::string> Client::last_problem() const {
  const std::lock_guard lock(mutex_);
  return {stats_.problems, stats_.last_problem};
}

void Client::note_problem(std::string problem) {
  const std::lock_guard lock(mutex_);
  note_problem_locked(std::move(problem));
}

void Client::note_problem_locked(std::string problem) {
  ++stats_.problems;
  stats_.last_problem = std::move(problem);
}

}  // namespace remapd::client
