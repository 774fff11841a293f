// The trainer's client of one table: follows its mapping versions, verifies and stages them in the
// background of training, and swaps when the trainer says so.
//
//   auto client = Client::create(std::move(source), {.table = "item", .rows = 20'000});
//   Reader reader = (*client)->reader();               // one per thread that looks up
//   for (each step) {
//     (*client)->poll(0ms);                             // or start() once: a thread polls
//     if (!(*client)->staged().empty()) {
//       auto migration = (*client)->swap_next();        // atomic; readers go on meanwhile
//       migration->apply(matrix, columns);              // before the next step
//       migration->apply_to_state(state, 1, initial);
//     }
//     Pin pin = reader.pin();                           // one version for the whole step
//     pin.lookup(ids, rows);
//   }
//
// Staging: a version's manifest must be newer than all before it and of no lower epoch. Its mapping
// is taken from the snapshot if it has one, else from the delta to the version before; either is
// checked against the manifest (size and checksum of the blob, checksum of the artifact's body, all
// of its MappingInfo, number of ids, content hash). A version whose mapping cannot be had is passed
// over: the last good one stays, and versions that only have deltas to it are passed over too until
// the next snapshot. Its migration plan is staged all the same, so that plans lead on across it.
// What failed in a way that may pass is tried again by later polls, up to kAttempts times.
//
// Beginning: the first poll waits until the source has told what has been published already, so
// that a trainer whose daemon has run for a month begins with the newest version and not with
// hashed ids. Rows have learned nothing as long as no id has been looked up before the first
// version: then a swap needs no plans, and migrates nothing. Later, versions without the plans that
// lead to them cannot be swapped to; ClientStats::last_problem says so within a poll.
//
// A row budget or seed that is not the daemon's is an error of poll() that has both values.
//
// Thread safe. poll() calls of several threads come one after another, except that one with timeout
// 0 returns at once while another is under way; everything else waits for no poll but the first of
// the client's own thread. Readers are wait-free (serving_point.h) and may outlive the client.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client/cpp/loaded_mapping.h"
#include "client/cpp/migration.h"
#include "client/cpp/serving_point.h"
#include "core/base/result.h"
#include "core/mapping/mapping_source.h"

namespace remapd::client {

struct ClientOptions {
  std::string table;
  // Row budget and seed ([learning] seed) as in the daemon's configuration: before the first
  // version every id is hashed over all rows.
  std::uint32_t rows = 0;
  std::uint64_t seed = 1;
  // Versions held in memory at a time, beside the one served. Of a client that lags further the
  // oldest give up their mapping, not their plan: one can no longer swap to them, only across.
  std::size_t max_staged = 16;
  // Versions from a directory stay in the mapped files, whose pages the processes of a machine
  // share. Otherwise they are copied into huge pages of this process: faster lookups.
  bool map_files = false;
};

// A version newer than the one served. Oldest first.
struct StagedVersion {
  mapping::Manifest manifest;
  bool swappable = false;   // its mapping is in memory, verified
  bool migratable = false;  // the plans from the version served to this one are complete, or the
                            // rows have learned nothing
};

struct ClientStats {
  std::uint64_t manifests = 0;    // reported by the source
  std::uint64_t stale = 0;        // not newer than what was there, or of a lower epoch
  std::uint64_t staged = 0;       // versions whose mapping was loaded and verified
  std::uint64_t from_deltas = 0;  // of these: by a delta
  std::uint64_t rejected = 0;     // passed over: damaged, missing or not what was announced
  std::uint64_t plans = 0;
  std::uint64_t plans_missing = 0;
  std::uint64_t bytes = 0;  // fetched
  std::uint64_t retries = 0;
  std::uint64_t poll_errors = 0;
  std::uint64_t swaps = 0;
  Version served;
  Version newest_staged;                // swappable; kNoVersion: none
  std::size_t staged_now = 0;           // swappable
  std::size_t waiting_to_be_freed = 0;  // versions replaced that a reader still has pinned
  std::size_t readers = 0;
  std::uint64_t problems = 0;  // told so far
  std::string last_problem;    // in words; empty: nothing went wrong yet
};

// What one of several ranks can offer the others to swap to.
struct Offer {
  Version served;
  Version version;  // kNoVersion: nothing
};

// Whether a swap may leave rows unmigrated because a plan is missing. kAllow is for a table that
// has learned nothing yet, or whose rows are started afresh.
enum class Unmigrated { kRefuse, kAllow };

class Client {
 public:
  static constexpr int kAttempts = 5;
  static constexpr std::chrono::seconds kFirstLook{60};
  static constexpr std::chrono::seconds kFirstPatience{5};

  // kInvalidArgument, naming the option.
  static Result<std::unique_ptr<Client>> create(std::unique_ptr<mapping::MappingSource> source,
                                                ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Stages what has appeared, waiting at most `timeout` for it; returns how many versions became
  // swappable. The first one waits, whatever `timeout` is, until what was there has been taken in:
  // at most kFirstLook, kFirstPatience where the source is in trouble. Errors are the source's (a
  // damaged version is none, see ClientStats::last_problem), and kInvalidArgument as long as there
  // are only versions of another row budget or seed. Also frees versions that no reader has pinned
  // any more.
  Result<std::size_t> poll(std::chrono::milliseconds timeout);

  // Polls from a thread of the client's own until stop() or the destructor. Errors of the source
  // are counted and tried again. poll_error(), staged(), offer() and swaps wait for its first poll.
  // Not to be called by several threads at once.
  void start();
  void stop();
  // The error that the last poll ended with, whoever polled; none if it went well.
  std::optional<Error> poll_error() const;

  std::vector<StagedVersion> staged() const;
  Version served() const;
  // How many problems have been told so far, and the last one in words.
  std::pair<std::uint64_t, std::string> last_problem() const;
  // The mapping served now, kept whatever is swapped later. Takes a lock; for lookups: reader().
  LoadedMappingPtr current() const { return serving_->current(); }

  // The newest version that can be swapped to with its plans, no newer than `at_most` and built
  // from no more than `samples` samples. It stays in memory, also beyond max_staged, until the next
  // offer or swap, so that what ranks have agreed on can be done. O(staged).
  Offer offer(Version at_most = Version{std::numeric_limits<std::uint64_t>::max()},
              std::uint64_t samples = std::numeric_limits<std::uint64_t>::max());

  // To the oldest staged version whose mapping is there. Without any: kNotFound.
  Result<Migration> swap_next(Unmigrated unmigrated = Unmigrated::kRefuse);
  // Across those before it, whose plans are chained. kNotFound: not staged, passed over, or (with
  // kRefuse) a plan is missing; the message says which, and nothing has changed. kConflict: older
  // than the version served; to go back, have the daemon publish the old version as a new one.
  Result<Migration> swap_to(Version version, Unmigrated unmigrated = Unmigrated::kRefuse);

  // For lookups: one per thread.
  Reader reader() { return serving_->reader(); }

  ClientStats stats() const;

 private:
  struct Staged {
    mapping::Manifest manifest;
    LoadedMappingPtr mapping;  // null: passed over, or given up
    PlanPtr plan;              // null: missing
    bool from_delta = false;
    std::string problem;  // why mapping or plan is null
  };
  struct Pending {
    mapping::Manifest manifest;
    int attempts = 0;
  };

  Client(std::unique_ptr<mapping::MappingSource> source, ClientOptions options);
  Result<std::vector<mapping::Manifest>> ask(std::chrono::milliseconds timeout);
  void await_first_look() const;
  Result<std::size_t> poll_locked(std::chrono::milliseconds timeout);
  bool acceptable(const mapping::Manifest& manifest);
  bool fits(const mapping::Manifest& manifest);
  std::optional<Staged> load(Pending& pending);
  Result<LoadedMappingPtr> load_mapping(const mapping::Manifest& manifest, bool& from_delta);
  Result<PlanPtr> load_plan(const mapping::Manifest& manifest);
  Result<mapping::BlobPtr> fetch(const mapping::Manifest& manifest, mapping::BlobKind kind);
  void check_rows(Staged& staged);
  bool stage(Staged staged);
  void tell_if_stuck();
  bool rows_are_fresh_locked() const;
  bool leads_on_locked() const;
  void give_up_oldest_locked(std::vector<LoadedMappingPtr>& freed);
  Migration migration_locked(std::size_t target) const;
  Result<Migration> swap_locked(std::size_t target, Unmigrated unmigrated);
  void note_problem(std::string problem);
  void note_problem_locked(std::string problem);

  const ClientOptions options_;
  const LoadedMappingPtr initial_;
  const std::shared_ptr<ServingPoint> serving_;
  std::atomic<bool> caught_up_{false};   // what had been published at first is taken in
  std::atomic<bool> has_polled_{false};  // or the attempt to has failed; not again by stop()
  std::atomic<bool> follows_{false};     // between start() and stop()
  std::atomic<bool> stopping_{false};    // stop() waits for its end

  std::mutex poll_mutex_;  // the source and what is on its way in
  std::unique_ptr<mapping::MappingSource> source_;
  std::deque<Pending> pending_;
  std::string source_problem_;  // the last one the source told
  LoadedMappingPtr newest_;     // the last one loaded: what the next delta applies to
  Version seen_;
  Epoch epoch_;
  std::uint32_t rows_;           // of the newest version, or as the client was told
  std::optional<Error> misfit_;  // why the versions there are do not fit what the client was told

  mutable std::mutex mutex_;   // the rest; never held while fetching or loading
  std::deque<Staged> staged_;  // ascending by version
  Version served_;
  Version offered_;                  // not to be given up
  bool offered_fresh_ = false;       // the rows had learned nothing then
  std::optional<Version> stuck_at_;  // served when it was told that no plan leads on
  std::optional<Error> poll_error_;
  ClientStats stats_;

  std::jthread poller_;
};

}  // namespace remapd::client
