// Builder: the thread that makes mapping versions and publishes them.
//
// A build order goes through: build, encode, gates, delta and plan, publish. A roll-back fetches an
// older version and publishes it as the next. A publication that fails for a reason that may pass
// is tried again, 1 s to 30 s apart, until it succeeds or is given up by cancel(). Each order is
// answered by one report, in order, on the builder thread.
//
// The sink is used by this thread alone from the first order to the last report. Memory: of each
// table, the artifact of its newest version.
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
#include "daemon/application/mailbox.h"
#include "daemon/application/publication.h"
#include "daemon/application/version_shelf.h"
#include "daemon/application/version_timeline.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

struct BuildOrder {
  NextBuild next;
  pipeline::BuildJobPtr job;
  TableIndex table;
  std::uint64_t samples = 0;  // taken in when the build began
  bool with_snapshot = false;
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
  kFetched,     // kRejoin: what was published is another mapping: `artifact`
  kRefused,     // a gate said no: `gates`
  kFailed,      // could not be published (or fetched): `error`
  kSuperseded,  // another instance has taken the table over: `error`
  kCancelled,   // given up because of a stop
};

struct BuildReport {
  BuildEnd end = BuildEnd::kCancelled;
  BuildPurpose purpose = BuildPurpose::kPublish;
  TableIndex table;
  Version version;
  std::uint64_t samples = 0;
  std::optional<pipeline::BuildOutcome> outcome;  // of a build
  std::optional<pipeline::GateReport> gates;
  std::optional<mapping::Manifest> manifest;  // kPublished
  KeptVersionPtr kept;                        // kPublished
  mapping::BlobPtr artifact;                  // to adopt where there is no outcome to
  Error error;
  double build_seconds = 0;
  double publish_seconds = 0;
};

class Builder {
 public:
  struct Options {
    std::string instance;
    // That build, on processor time that is left over (core/base/crew.h); 0: everybody's, for
    // nothing else goes on meanwhile.
    std::size_t threads = 0;
    std::chrono::milliseconds first_retry{1'000};  // doubles up to the last
    std::chrono::milliseconds last_retry{30'000};
  };
  // Told, from the builder thread, that publishing is being tried again because of `error`.
  using OnRetry = std::function<void(TableIndex, const Error& error)>;
  using OnReport = std::function<void(BuildReport)>;

  Builder(Options options, mapping::MappingSink& sink, logging::Logger& log, const Clock& clock,
          OnReport on_report, OnRetry on_retry);
  ~Builder();

  // Before start(): the newest published version, as clients have it, so that it need not be
  // fetched.
  void know(TableIndex table, Version version, mapping::BlobPtr artifact) {
    published_[table] = {.version = version, .artifact = std::move(artifact)};
  }
  void start();
  void submit(BuildOrder order) { orders_.push(std::move(order)); }
  void submit(RollBackOrder order) { orders_.push(std::move(order)); }
  // Ends what is under way as soon as possible, and every order after it at once, with kCancelled:
  // a build between two pieces of it, a publication between two attempts.
  void cancel();
  // No more orders; join() returns once those submitted have been reported.
  void request_stop();
  void join();

 private:
  void run();
  BuildReport carry_out(BuildOrder order);
  BuildReport carry_out(RollBackOrder order);
  bool build(BuildOrder& order, BuildReport& report, Bytes& artifact);  // false: cancelled
  ByteView clients_artifact(const BuildOrder& order, const std::string& table);
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
  // By table: the newest published version as clients have it, which deltas must fit.
  struct Published {
    Version version;
    mapping::BlobPtr artifact;  // null: not known
  };
  std::map<TableIndex, Published> published_;
  std::mutex mutex_;
  std::condition_variable cancelled_changed_;
  bool cancelled_ = false;
  Cancellation build_cancellation_;  // requested then
  std::optional<Crew> crew_;         // from start() on
  std::thread thread_;
};

}  // namespace remapd::application
