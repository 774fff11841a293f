#include "daemon/application/builder.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/published_artifact.h"
#include "daemon/application/publication.h"

namespace remapd::application {
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
  if (options_.threads > 0) crew_.emplace(options_.threads);
  thread_ = std::thread([this] { run(); });
}

void Builder::cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  build_cancellation_.request();
  cancelled_changed_.notify_all();
}

void Builder::request_stop() {
  orders_.close();
}

void Builder::join() {
  if (thread_.joinable()) thread_.join();
}

void Builder::run() {
  while (auto order = orders_.pop()) {
    on_report_(std::visit([this](auto&& o) { return carry_out(std::forward<decltype(o)>(o)); },
                          std::move(*order)));
  }
}

bool Builder::wait_before_retry(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  return !cancelled_changed_.wait_for(lock, pause, [&] { return cancelled_; });
}

BuildReport Builder::carry_out(BuildOrder order) {
  BuildReport report;
  report.purpose = order.next.purpose;
  report.next = order.next;
  report.table = order.table;
  report.version = order.next.version;
  report.samples = order.samples;
  if (cancelled()) return report;
  Bytes artifact;
  if (!build(order, report, artifact)) return report;
  const pipeline::BuildOutcome& outcome = *report.outcome;
  switch (order.next.purpose) {
    case BuildPurpose::kRejoin:
      rejoin(order, report);
      break;
    case BuildPurpose::kRebuild:
      report.end = report.gates->passed() ? BuildEnd::kRebuilt : BuildEnd::kRefused;
      break;
    case BuildPurpose::kPublish:
      if (!report.error.message.empty()) {
        report.end = BuildEnd::kUnfit;
      } else if (!report.gates->passed()) {
        report.end = BuildEnd::kRefused;
      } else if (outcome.increment && artifact.empty()) {
        publish(prepare_increment(outcome, clients_[order.table], order.snapshot,
                                  notes_of(order, outcome)),
                report);
      } else {
        publish(prepare_publication(outcome, std::move(artifact),
                                    clients_mapping(order, outcome.mapping.info.table),
                                    order.snapshot, notes_of(order, outcome)),
                report);
      }
      break;
    case BuildPurpose::kNothing:
    case BuildPurpose::kRollBack:
      REMAPD_CHECK(false, "neither is an order to build");
  }
  return report;
}

bool Builder::build(BuildOrder& order, BuildReport& report, Bytes& artifact) {
  const auto begin = clock_.now();
  const auto work = [&] {
    const CancellationScope scope(build_cancellation_);
    const bool whole = order.whole.has_value();
    report.outcome = whole ? std::move(*order.whole) : pipeline::run_build(std::move(order.job));
    if (report.outcome->increment && !whole) return check_increment(order, report);
    artifact = mapping::encode_artifact(report.outcome->mapping, report.outcome->artifact);
    report.gates = pipeline::check_gates(order.limits, order.samples, *report.outcome, artifact);
  };
  try {
    crew_ ? crew_->work(work) : work();
  } catch (const Cancelled&) {
    report.outcome.reset();
    report.gates.reset();
    return false;
  }
  report.build_seconds = seconds_between(begin, clock_.now());
  return true;
}

// What clients have becomes the increment's version if it is to be published and passes the gates.
void Builder::check_increment(const BuildOrder& order, BuildReport& report) {
  const pipeline::BuildOutcome& outcome = *report.outcome;
  report.gates = pipeline::check_gates(order.limits, order.samples, outcome, [&]() -> std::string {
    if (order.next.purpose != BuildPurpose::kPublish) return "";  // clients have it
    auto applied = clients_mapping(order, outcome.mapping.info.table).apply(*outcome.increment);
    if (applied) return "";
    report.error = std::move(applied).error();
    return report.error.message;
  });
}

void Builder::rejoin(const BuildOrder& order, BuildReport& report) {
  const pipeline::BuildOutcome& outcome = *report.outcome;
  const std::uint64_t content =
      outcome.increment ? outcome.increment->content_hash : mapping::content_hash(outcome.mapping);
  if (content == order.next.published_content) {
    report.end = BuildEnd::kRebuilt;
  } else if (auto published =
                 mapping::published_artifact(sink_, outcome.mapping.info.table, report.version)) {
    report.end = BuildEnd::kFetched;
    report.artifact = std::move(*published);
  } else {
    report.end = BuildEnd::kFailed;
    report.error = std::move(published).error();
  }
}

PublicationNotes Builder::notes_of(const BuildOrder& order,
                                   const pipeline::BuildOutcome& outcome) const {
  const bool increments_follow = outcome.increment || outcome.leads_to_increments();
  return {.instance = options_.instance,
          .built_samples = order.samples,
          .next_samples = increments_follow ? order.next.due_after : order.next.full_due_after};
}

BuildReport Builder::carry_out(RollBackOrder order) {
  BuildReport report;
  report.purpose = BuildPurpose::kRollBack;
  report.table = order.table;
  report.version = order.input.version;
  report.samples = order.samples;
  if (cancelled()) return report;
  const auto begin = clock_.now();
  auto rolled_back =
      mapping::published_artifact(sink_, order.table_name, order.target)
          .and_then([&](const mapping::BlobPtr& blob) -> Result<placement::RollBack> {
            auto target = mapping::ArtifactView::open(blob->view(), mapping::Verify::kAll);
            if (!target) return fail(std::move(target).error());
            order.input.target = &*target;
            order.input.incumbent = order.incumbent.get();
            return placement::roll_back(order.input);
          });
  report.build_seconds = seconds_between(begin, clock_.now());
  if (!rolled_back) {
    report.end = BuildEnd::kFailed;
    report.error = std::move(rolled_back).error();
    return report;
  }
  publish(prepare_publication(*rolled_back, order.target,
                              {.instance = options_.instance, .built_samples = order.samples}),
          report);
  report.artifact = std::make_shared<mapping::OwnedBlob>(std::move(rolled_back->artifact));
  return report;
}

// Of the version before the one to be published; unknown if no delta can lead on from there.
ClientsMapping& Builder::clients_mapping(const BuildOrder& order, const std::string& table) {
  ClientsMapping& clients = clients_[order.table];
  const Version parent{order.next.version.value - 1};
  if (!order.next.published_content) {
    clients.forget();
  } else if (clients.version() != parent) {  // the first since the start
    clients.forget();
    if (auto found = mapping::read_published(sink_, table, parent)) {
      clients.set(parent, std::move(*found));
    }
  }
  return clients;
}

void Builder::publish(Prepared prepared, BuildReport& report) {
  const mapping::Publication& publication = prepared.publication;
  const auto begin = clock_.now();
  auto pause = options_.first_retry;
  for (;;) {
    const auto published = sink_.publish(publication);
    report.publish_seconds = seconds_between(begin, clock_.now());
    if (published) {
      report.end = BuildEnd::kPublished;
      report.manifest = publication.manifest;
      report.kept = std::move(prepared).keep();
      clients_[report.table].published(*report.manifest,
                                       report.kept->blob(mapping::BlobKind::kSnapshot));
      return;
    }

    report.error = published.error();
    if (report.error.code == ErrorCode::kConflict) {
      report.end = BuildEnd::kSuperseded;
      return;
    }
    if (!report.error.retryable) {
      clients_[report.table].forget();  // an increment that has been applied is not there
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

}  // namespace remapd::application
