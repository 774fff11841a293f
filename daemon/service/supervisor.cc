#include "daemon/service/supervisor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "daemon/config/config_text.h"

namespace remapd::service {
namespace {

using namespace std::chrono_literals;

constexpr auto kTurn = 100ms;
constexpr auto kReadyPatience = 5s;
constexpr auto kStatusInterval = 2s;
// What the manager is asked for while starting and stopping; asked again every kStatusInterval.
constexpr auto kExtension = 30s;

}  // namespace

std::string status_line(const application::Status& status) {
  std::string line = fmt::format("{}, {} samples", to_string(status.phase), status.samples);
  for (const application::TableStatus& table : status.tables) {
    line += fmt::format("; {} ", table.stats.name);
    line += table.last ? fmt::format("v{}", table.last->info.version.value) : "no version yet";
    if (table.frozen) line += " (frozen)";
    if (!table.problem.empty()) line += fmt::format(" ({})", table.problem);
  }
  if (!status.problem.empty()) line += fmt::format("; {}", status.problem);
  for (const application::Problem& problem : status.problems) {
    using enum application::ProblemCode;
    if (problem.code == kCannotRead || problem.code == kCannotPublish) continue;  // said already
    line += fmt::format("; {}: {}", problem.where, problem.what);
  }
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

bool may_be_ready(const application::Status& status, bool patience_over) {
  switch (status.phase) {
    case application::Phase::kStarting:
      return patience_over;
    case application::Phase::kRestoring:
      return patience_over && !status.problem.empty();  // it waits for something
    default:
      return true;
  }
}

Supervisor::Supervisor(const Parts& parts, config::Config config, Load load)
    : parts_(parts),
      started_with_(config),
      applied_(std::move(config)),
      load_(std::move(load)),
      ready_by_(parts.clock.now() + kReadyPatience),
      next_watchdog_(parts.clock.now()),
      next_status_(parts.clock.now()) {}

Result<void> Supervisor::run() {
  while (!parts_.application.finished()) {
    inform();
    if (const auto signal = parts_.signals.wait(kTurn)) take(*signal);
  }
  if (stops_ == 0) parts_.notifier.stopping();
  auto end = parts_.application.join();
  parts_.notifier.status(status_line(*parts_.application.status()));
  return end;
}

void Supervisor::take(Signal signal) {
  if (signal == Signal::kReload) return reload();
  ++stops_;
  if (stops_ == 1) {
    parts_.log.info("stopping; a second signal makes it hurry");
    parts_.notifier.stopping();
    parts_.application.request_stop();
  } else if (stops_ == 2) {
    parts_.log.warning("hurrying: versions not yet published are given up");
    parts_.application.hurry();
  }
}

void Supervisor::reload() {
  parts_.notifier.reloading();
  if (auto config = load_()) {
    std::size_t applied = 0;
    for (const config::Change& change : config::changes(applied_, *config)) {
      if (change.reload != config::Reload::kLive) continue;
      parts_.log.info("applied", {{"key", change.key}});
      ++applied;
    }
    for (const config::Change& change : config::changes(started_with_, *config)) {
      if (change.reload != config::Reload::kRestart) continue;
      parts_.log.warning("takes effect after a restart", {{"key", change.key}});
    }
    parts_.application.apply(*config);
    applied_ = std::move(*config);
    parts_.log.info("configuration reloaded", {{"keys_applied", applied}});
  } else {
    parts_.log.error("configuration not reloaded, the one in force stays",
                     {{"error", config.error().message}});
  }
  if (parts_.reload_files) parts_.reload_files();
  if (ready_) ready_ = parts_.notifier.ready();
}

void Supervisor::inform() {
  const TimePoint now = parts_.clock.now();
  const auto status = parts_.application.status();
  if (!ready_ && may_be_ready(*status, now >= ready_by_)) {
    ready_ = parts_.notifier.ready();
  }
  const std::uint64_t beats = parts_.application.beats();
  if (const auto watchdog = parts_.notifier.watchdog();
      watchdog && now >= next_watchdog_ && beats != beats_ && parts_.notifier.alive()) {
    beats_ = beats;
    // Two more chances before the manager loses its patience.
    next_watchdog_ = now + *watchdog / 3;
  }
  if (now < next_status_) return;
  next_status_ = now + kStatusInterval;
  if (!ready_ || stops_ > 0) parts_.notifier.extend_timeout(kExtension);
  if (std::string line = status_line(*status); line != told_) {
    parts_.notifier.status(line);
    told_ = std::move(line);
  }
}

}  // namespace remapd::service
