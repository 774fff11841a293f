// A daemon that does nothing but answer: what it answers is set by the test.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/application/control.h"

namespace remapd::admin {

class FakeControl final : public application::Control {
 public:
  std::shared_ptr<const application::Status> status() const override {
    return std::make_shared<const application::Status>(current);
  }
  std::vector<application::HistoryPoint> history(application::HistorySpan span) const override {
    return span == application::HistorySpan::kHalfHour ? past
                                                       : std::vector<application::HistoryPoint>{};
  }
  std::uint64_t beats() const override { return 0; }
  const application::VersionShelf& versions() const override { return shelf; }
  void publish_now(std::string_view table, application::Answer<Version> answer) override {
    did("publish " + std::string(table));
    answer(next_version);
  }
  void freeze(std::string_view table, application::Answer<void> answer) override {
    did("freeze " + std::string(table));
    answer({});
  }
  void unfreeze(std::string_view table, application::Answer<void> answer) override {
    did("unfreeze " + std::string(table));
    answer({});
  }
  void roll_back(std::string_view table, Version to, application::Answer<Version> answer) override {
    did("roll back " + std::string(table) + " to " + std::to_string(to.value));
    answer(next_version);
  }
  void lookup(std::string_view table, Id id, std::size_t row_mates,
              application::Answer<application::IdReport> answer) override {
    if (!knows(table)) return answer(no_table(table));
    application::IdReport report;
    report.version = Version{7};
    report.id = {.id = id, .frequency = 2.5, .row = Row{3}};
    report.row_mates = first(row_mates);
    answer(report);
  }
  void heaviest(std::string_view table, std::size_t count, pipeline::RowRole role,
                application::Answer<std::vector<pipeline::IdStats>> answer) override {
    if (!knows(table)) return answer(no_table(table));
    asked_role = role;
    answer(first(count));
  }
  void sharing_row(std::string_view table, Row, std::size_t count,
                   application::Answer<std::vector<pipeline::IdStats>> answer) override {
    heaviest(table, count, pipeline::RowRole::kAny, std::move(answer));
  }
  void set_log_level(config::LogLevel level) override {
    did("log " + std::string(config::to_string(level)));
  }

  Result<Version> next_version = Version{8};
  std::vector<std::string> done;  // what was asked for
  application::Status current;
  pipeline::RowRole asked_role = pipeline::RowRole::kAny;
  std::vector<application::HistoryPoint> past;  // of the last half hour
  application::VersionShelf shelf{2};
  std::vector<pipeline::IdStats> ids;

 private:
  void did(std::string what) { done.push_back(std::move(what)); }
  bool knows(std::string_view table) const {
    for (const auto& known : current.tables) {
      if (known.stats.name == table) return true;
    }
    return false;
  }
  static tl::unexpected<Error> no_table(std::string_view table) {
    return fail(ErrorCode::kNotFound, "no table \"" + std::string(table) + "\"");
  }
  std::vector<pipeline::IdStats> first(std::size_t count) const {
    return {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(std::min(count, ids.size()))};
  }
};

inline application::TableStatus example_table(const std::string& name) {
  application::TableStatus table;
  table.stats.name = name;
  table.stats.rows = 100;
  table.stats.strategy = "combined";
  table.stats.artifact = "fast";
  table.stats.learner = "supervised";
  table.stats.learner_reason = "the stream carries labels of both classes";
  table.stats.accesses = 5'000;
  table.stats.distinct_ids = 900.5;
  table.stats.tracked_ids = 890;
  table.stats.version = Version{7};
  table.epoch = Epoch{2};
  table.published = 4;
  table.published_ms = 1'700'000'000'123;
  mapping::Manifest last;
  last.info.table = name;
  last.info.version = Version{7};
  last.info.parent = Version{6};
  last.info.rows = 100;
  last.ids = 890;
  last.stats.dedicated_rows = 35;
  last.stats.shared_rows = 35;
  last.stats.fallback_rows = 30;
  last.stats.traffic_dedicated = 0.75;
  last.stats.traffic_shared = 0.25;
  table.last = last;
  pipeline::GateReport gates;
  for (auto& result : gates.results) result = {true, "fine"};
  table.gates = gates;
  table.build_seconds.add(0.2);
  table.publish_seconds.add(0.02);
  return table;
}

inline application::Status example_status() {
  application::Status status;
  status.phase = application::Phase::kRunning;
  status.instance = "remapd-1";
  status.source = "file events.tsv.gz";
  status.started_ms = 1'700'000'000'000;
  status.updated_ms = 1'700'000'010'000;
  status.event_time_ms = 1'690'000'000'000;
  status.samples = 2'500;
  status.labelled_samples = 2'000;
  status.label_sum = 500;
  status.ids = 5'000;
  status.read_samples = 2'500;
  status.mini_batch = 64;
  status.waiting_samples = 4;
  status.features = {{"item", 5'000}};
  status.input.messages = 2'510;
  status.input.dead_letters = 10;
  status.input.lag = {{0, 40}};
  status.offsets = {{0, 2'510}, {1, 3}};
  status.input.brokers.emplace().brokers_up = 1;
  status.checkpoint.enabled = true;
  status.checkpoint.saved = 3;
  status.checkpoint.last_ms = 1'700'000'009'000;
  status.tables.push_back(example_table("item"));
  return status;
}

}  // namespace remapd::admin
