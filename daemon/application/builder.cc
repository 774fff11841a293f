#include "daemon/application/builder.h"

#include <algorithm>
#include <utility>

#include "core/mapping/artifact.h"
#include "daemon/application/publication.h"

namespace remapd::daemon {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Builder::Builder(Options options, mapping::MappingSink& sink, logging::Logger& log,
                 const Clock& clock, OnReport on_report, OnRetry on_retry)
    : options_(std::move(options)),
      sink_(sink),
      log_(log),
      clock_(clock),
      on_report_(std::move(on_report)),
      on_retry_(std::move(on_retry)) {}

Builder::~Builder() {
  cancel();
  request_stop();
  join();
}

void Builder::start() {
  thread_ = std::thread([this] { run(); });
}

void Builder::submit(BuildOrder order) {
  orders_.push(std::move(order));
}

void Builder::cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  cancelled_changed_.notify_all();
}

void Builder::request_stop() {
  orders_.close();
}

void Builder::join() {
  if (thread_.joinable()) thread_.join();
}

void Builder::run() {
  while (auto order = orders_.pop()) on_report_(carry_out(std::move(*order)));
}

bool Builder::wait_before_retry(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  return !cancelled_changed_.wait_for(lock, pause, [&] { return cancelled_; });
}

BuildReport Builder::carry_out(BuildOrder order) {
  BuildReport report;
  report.purpose = order.purpose;
  report.table = order.table;
  report.version = order.version;
  report.samples = order.samples;
  if (!wait_before_retry(std::chrono::milliseconds(0))) return report;

  const auto begin = clock_.now();
  report.outcome = pipeline::run_build(*order.job);
  order.job.reset();
  Bytes artifact = mapping::encode_artifact(report.outcome.mapping);
  report.gates = pipeline::check_gates(order.limits, order.samples, report.outcome, artifact);
  report.build_seconds = seconds_between(begin, clock_.now());

  const mapping::Mapping& mapping = report.outcome.mapping;
  if (order.purpose == BuildPurpose::kRejoin &&
      mapping::content_hash(mapping) != order.expected_content) {
    auto published = sink_.snapshot(mapping.info.table, order.version);
    report.end = published ? BuildEnd::kFetched : BuildEnd::kFailed;
    if (published) {
      report.artifact = std::move(*published);
    } else {
      report.error = std::move(published).error();
    }
  } else if (order.purpose == BuildPurpose::kRejoin) {
    report.end = BuildEnd::kRebuilt;
  } else if (!report.gates->passed()) {
    report.end = BuildEnd::kRefused;
  } else if (order.purpose == BuildPurpose::kRebuild) {
    report.end = BuildEnd::kRebuilt;
  } else {
    publish(make_publication(report.outcome, std::move(artifact),
                             {.instance = options_.instance,
                              .built_samples = order.samples,
                              .with_snapshot = order.with_snapshot}),
            report);
  }
  return report;
}

void Builder::publish(mapping::Publication publication, BuildReport& report) {
  const auto begin = clock_.now();
  auto pause = options_.first_retry;
  for (;;) {
    const auto published = sink_.publish(publication);
    report.publish_seconds = seconds_between(begin, clock_.now());
    if (published) {
      report.end = BuildEnd::kPublished;
      report.manifest = std::move(publication.manifest);
      return;
    }
    report.error = published.error();
    if (report.error.code == ErrorCode::kConflict) {
      report.end = BuildEnd::kSuperseded;
      return;
    }
    if (!report.error.retryable) {
      report.end = BuildEnd::kFailed;
      return;
    }
    log_.warning("version not published yet, trying again",
                 {{"table", publication.manifest.info.table},
                  {"version", report.version.value},
                  {"retry_in_ms", pause.count()},
                  {"error", report.error.message}});
    on_retry_(report.table, report.error);
    if (!wait_before_retry(pause)) {
      report.end = BuildEnd::kCancelled;
      return;
    }
    pause = std::min(pause * 2, options_.last_retry);
  }
}

}  // namespace remapd::daemon
