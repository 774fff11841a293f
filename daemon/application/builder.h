// Builder: the thread that makes mapping versions out of build jobs and publishes them.
//
// An order goes through: build, encode, gates, delta and plan, publish. A publication that fails
// for a reason that may pass is tried again, 1 s to 30 s apart, until it succeeds or is given up by
// cancel(). Each order is answered by one report, in order, on the builder thread.
//
// The sink is used by this thread alone while it runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/base/clock.h"
#include "core/mapping/mapping_sink.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/publish_gates.h"
#include "daemon/application/mailbox.h"
#include "daemon/application/version_timeline.h"
#include "daemon/logging/logger.h"

namespace remapd::daemon {

struct BuildOrder {
  BuildPurpose purpose = BuildPurpose::kPublish;
  pipeline::BuildJobPtr job;
  TableIndex table;
  Version version;
  std::uint64_t samples = 0;  // taken in when the build began
  bool with_snapshot = false;
  pipeline::GateLimits limits;
  std::uint64_t expected_content = 0;  // kRejoin: content hash of the published version
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
  pipeline::BuildOutcome outcome;
  std::optional<pipeline::GateReport> gates;
  std::optional<mapping::Manifest> manifest;  // kPublished
  mapping::BlobPtr artifact;                  // kFetched
  Error error;
  double build_seconds = 0;
  double publish_seconds = 0;
};

class Builder {
 public:
  struct Options {
    std::string instance;
    std::chrono::milliseconds first_retry{1'000};  // doubles up to the last
    std::chrono::milliseconds last_retry{30'000};
  };
  // Told, from the builder thread, that publishing is being tried again because of `error`.
  using OnRetry = std::function<void(TableIndex, const Error& error)>;
  using OnReport = std::function<void(BuildReport)>;

  Builder(Options options, mapping::MappingSink& sink, logging::Logger& log, const Clock& clock,
          OnReport on_report, OnRetry on_retry);
  ~Builder();

  void start();
  void submit(BuildOrder order);
  // Ends what is under way as soon as possible, and every order after it at once, with kCancelled.
  // A publication that has begun is finished, or fails.
  void cancel();
  // No more orders; join() returns once those submitted have been reported.
  void request_stop();
  void join();

 private:
  void run();
  BuildReport carry_out(BuildOrder order);
  void publish(mapping::Publication publication, BuildReport& report);
  bool wait_before_retry(std::chrono::milliseconds pause);  // false: cancelled

  Options options_;
  mapping::MappingSink& sink_;
  logging::Logger& log_;
  const Clock& clock_;
  OnReport on_report_;
  OnRetry on_retry_;
  Mailbox<BuildOrder> orders_;
  std::mutex mutex_;
  std::condition_variable cancelled_changed_;
  bool cancelled_ = false;
  std::thread thread_;
};

}  // namespace remapd::daemon
