// Builder: the thread that builds mapping versions and publishes them.
//
// A build order goes through: build, encode, gates, delta and plan, publish. A roll-back order
// fetches an older version and publishes it as the next. A publication that fails with a retryable
// error is repeated, 1 s to 30 s apart, until it succeeds or cancel(). Each order is answered by
// one report, in order, on the builder thread.
//
// From submit() to the report the sink belongs to this thread. Memory: the artifact of each table's
// newest version (clients_mapping.h). submit(), cancel() and request_stop() are thread safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "core/base/cancellation.h"
#include "core/base/clock.h"
#include "core/base/crew.h"
#include "core/mapping/mapping_sink.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/publish_gates.h"
#include "core/placement/roll_back.h"
#include "daemon/application/clients_mapping.h"
#include "daemon/application/mailbox.h"
#include "daemon/application/publication.h"
#include "daemon/application/version_shelf.h"
#include "daemon/application/version_timeline.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

struct BuildOrder {
  NextBuild next;
  pipeline::BuildJobPtr job;
  // Instead of a job: an increment that ended with kUnfit, its mapping complete. It is published as
  // a snapshot.
  std::optional<pipeline::BuildOutcome> whole{};
  TableIndex table;
  std::uint64_t samples = 0;  // taken in when the build began
  SnapshotRule snapshot;
  pipeline::GateLimits limits;
};

struct RollBackOrder {
  TableIndex table;
  std::string table_name;
  Version target;
  std::uint64_t samples = 0;
  std::shared_ptr<const mapping::Mapping> incumbent;
  placement::RollBackInput input;  // without target and incumbent
};

enum class BuildEnd : std::uint8_t {
  kPublished,
  kRebuilt,     // kRebuild and kRejoin
  kFetched,     // kRejoin: another mapping was published under this number: `artifact`
  kRefused,     // a gate said no: `gates`
  kFailed,      // could not be published (or fetched): `error`
  kUnfit,       // an increment that what clients have cannot take in (`error`)
  kSuperseded,  // another instance has taken the table over: `error`
  kCancelled,   // given up because of a stop
};

struct BuildReport {
  BuildEnd end = BuildEnd::kCancelled;
  BuildPurpose purpose = BuildPurpose::kPublish;
  NextBuild next;  // of a build, as ordered
  TableIndex table;
  Version version;
  std::uint64_t samples = 0;
  std::optional<pipeline::BuildOutcome> outcome;  // of a build
  std::optional<pipeline::GateReport> gates;
  std::optional<mapping::Manifest> manifest;  // kPublished
  KeptVersionPtr kept;                        // kPublished
  mapping::BlobPtr artifact;                  // of kFetched and of roll-backs, to adopt
  Error error;
  double build_seconds = 0;
  double publish_seconds = 0;
};

class Builder {
 public:
  struct Options {
    std::string instance;
    // Threads of the crew that builds on idle processor time (core/base/crew.h); 0: builds run on
    // oneTBB's threads, because reading pauses meanwhile.
    std::size_t threads = 0;
    std::chrono::milliseconds first_retry{1'000};  // doubles up to the last
    std::chrono::milliseconds last_retry{30'000};
  };
  // Called on the builder thread before a publication is repeated because of `error`.
  using OnRetry = std::function<void(TableIndex, const Error& error)>;
  using OnReport = std::function<void(BuildReport)>;

  Builder(Options options, mapping::MappingSink& sink, logging::Logger& log, const Clock& clock,
          OnReport on_report, OnRetry on_retry);
  ~Builder();

  // Before start(): the newest published version, so that the first build does not fetch it.
  void know(TableIndex table, Version version, mapping::PublishedArtifact published) {
    clients_[table].set(version, std::move(published));
  }
  void start();
  void submit(BuildOrder order) { orders_.push(std::move(order)); }
  void submit(RollBackOrder order) { orders_.push(std::move(order)); }
  // Ends the order under way as soon as possible, and all later ones at once, with kCancelled: a
  // build between two pieces of parallel work, a publication between two attempts.
  void cancel();
  // No more orders; join() returns once those submitted have been reported.
  void request_stop();
  void join();

 private:
  void run();
  BuildReport carry_out(BuildOrder order);
  BuildReport carry_out(RollBackOrder order);
  bool build(BuildOrder& order, BuildReport& report, Bytes& artifact);  // false: cancelled
  void check_increment(const BuildOrder& order, BuildReport& report);
  void rejoin(const BuildOrder& order, BuildReport& report);
  PublicationNotes notes_of(const BuildOrder& order, const pipeline::BuildOutcome& outcome) const;
  ClientsMapping& clients_mapping(const BuildOrder& order, const std::string& table);
  void publish(Prepared prepared, BuildReport& report);
  bool wait_before_retry(std::chrono::milliseconds pause);  // false: cancelled
  bool cancelled() { return !wait_before_retry(std::chrono::milliseconds(0)); }

  Options options_;
  mapping::MappingSink& sink_;
  logging::Logger& log_;
  const Clock& clock_;
  OnReport on_report_;
  OnRetry on_retry_;
  Mailbox<std::variant<BuildOrder, RollBackOrder>> orders_;
  std::map<TableIndex, ClientsMapping> clients_;
  std::mutex mutex_;
  std::condition_variable cancelled_changed_;
  bool cancelled_ = false;
  Cancellation build_cancellation_;  // requested then
  std::optional<Crew> crew_;         // from start() on
  std::thread thread_;
};

}  // namespace remapd::application
