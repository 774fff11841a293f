#include "daemon/metrics/metrics.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace remapd::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Collector {
 public:
  void counter(const char* name, const char* help, double value, Labels labels = {}) {
    metric(name, help, MetricType::Counter, std::move(labels)).counter.value = value;
  }
  void gauge(const char* name, const char* help, double value, Labels labels = {}) {
    metric(name, help, MetricType::Gauge, std::move(labels)).gauge.value = value;
  }
  void histogram(const char* name, const char* help, const application::Timings& timings,
                 Labels labels = {}) {
    ClientMetric::Histogram& out =
        metric(name, help, MetricType::Histogram, std::move(labels)).histogram;
    out.sample_count = timings.count();
    out.sample_sum = timings.sum();
    for (std::size_t b = 0; b < application::Timings::kBounds.size(); ++b) {
      out.bucket.push_back({timings.at_most(b), application::Timings::kBounds[b]});
    }
    out.bucket.push_back({timings.count(), std::numeric_limits<double>::infinity()});
  }

  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  // Metrics of one name come one after another or in turns; they belong to one family.
  ClientMetric& metric(const char* name, const char* help, MetricType type, Labels labels) {
    MetricFamily* family = nullptr;
    for (MetricFamily& known : families_) {
      if (known.name == name) family = &known;
    }
    if (family == nullptr) family = &families_.emplace_back(MetricFamily{name, help, type, {}});
    ClientMetric& out = family->metric.emplace_back();
    out.label = std::move(labels);
    return out;
  }

  std::vector<MetricFamily> families_;
};

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

double seconds(std::int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

// A series of each code, so that an alert ends when its problem does.
void collect_problems(const application::Status& status, Collector& out) {
  for (std::size_t c = 0; c < application::kProblemCodes; ++c) {
    const auto code = static_cast<application::ProblemCode>(c);
    const bool there = std::any_of(status.problems.begin(), status.problems.end(),
                                   [&](const auto& problem) { return problem.code == code; });
    out.gauge("remapd_problem", "1 while there is a problem of this code.", there ? 1 : 0,
              {{"code", std::string(to_string(code))}});
  }
}

void collect_input(const application::Status& status, Collector& out) {
  const pipeline::SourceCounters& input = status.input;
  out.counter("remapd_input_messages_total", "Messages or lines read, good or bad.",
              number(input.messages));
  out.counter("remapd_input_bytes_total", "Bytes read.", number(input.bytes));
  out.counter("remapd_dead_letters_total", "Messages that could not be decoded.",
              number(input.dead_letters));
  out.counter("remapd_unknown_features_total", "Feature columns that no [[feature]] names.",
              number(input.unknown_features));
  out.counter("remapd_lost_events_total", "Messages skipped because their offsets no longer exist.",
              number(input.lost_events));
  out.counter("remapd_input_errors_total", "Errors of the event source that passed by themselves.",
              number(status.source_errors));
  for (const pipeline::PartitionLag& lag : input.lag) {
    out.gauge("remapd_input_lag_messages", "Messages between what was read and the end.",
              number(lag.messages), {{"partition", std::to_string(lag.partition)}});
  }
  out.counter("remapd_samples_total", "Samples taken in, all time.", number(status.samples));
  out.gauge("remapd_waiting_samples", "Of these, samples that wait for their mini-batch to fill.",
            number(status.waiting_samples));
  for (const application::FeatureStatus& feature : status.features) {
    out.counter("remapd_feature_ids_total", "Ids read, by feature.", number(feature.ids),
                {{"feature", feature.name}});
  }
  out.counter("remapd_labelled_samples_total", "Of these, samples with a label.",
              number(status.labelled_samples));
  out.counter("remapd_ids_total", "Ids taken in, all time.", number(status.ids));
  out.counter("remapd_ticks_total", "Folds of the statistics, all time.", number(status.ticks));
  out.counter("remapd_tick_seconds_total", "Seconds spent in folds of the statistics.",
              status.tick_seconds);
  if (status.event_time_ms != 0) {
    out.gauge("remapd_event_time_seconds", "Time of the newest event, Unix.",
              seconds(status.event_time_ms));
  }
  out.gauge("remapd_waiting_for_publication",
            "1 while reading stands still until a version is published.",
            status.waiting_for_publication ? 1 : 0);
}

void collect_brokers(const pipeline::BrokerStatistics& brokers, Collector& out) {
  out.gauge("remapd_kafka_brokers", "Brokers the event consumer knows.", brokers.brokers);
  out.gauge("remapd_kafka_brokers_up", "Brokers the event consumer is connected to.",
            brokers.brokers_up);
  out.counter("remapd_kafka_requests_total", "Requests of the event consumer to brokers.",
              number(brokers.requests));
  out.counter("remapd_kafka_sent_bytes_total", "Bytes of these.", number(brokers.bytes_sent));
  out.counter("remapd_kafka_responses_total", "Responses of brokers to the event consumer.",
              number(brokers.responses));
  out.counter("remapd_kafka_received_bytes_total", "Bytes of these.",
              number(brokers.bytes_received));
  out.gauge("remapd_kafka_queued_messages", "Messages fetched and not read yet.",
            number(brokers.queued_messages));
  out.gauge("remapd_kafka_queued_bytes", "Bytes of these.", number(brokers.queued_bytes));
  out.gauge("remapd_kafka_round_trip_seconds", "The slowest broker's average round trip.",
            brokers.round_trip_seconds);
}

void collect_memory(const application::MemoryStatus& memory, Collector& out) {
  constexpr const char* kName = "remapd_memory_bytes";
  constexpr const char* kHelp = "Memory by part: statistics, embeddings, versions to download.";
  out.gauge(kName, kHelp, number(memory.tables), {{"part", "tables"}});
  out.gauge(kName, kHelp, number(memory.learners), {{"part", "learners"}});
  out.gauge(kName, kHelp, number(memory.kept_versions), {{"part", "kept_versions"}});
  out.gauge("remapd_resident_memory_bytes", "Memory of the process, everything included.",
            number(memory.resident));
}

void collect_version(const application::TableStatus& table, const Labels& of, Collector& out) {
  if (!table.last) return;
  const mapping::Manifest& last = *table.last;
  const auto with = [&](const char* key, const char* value) {
    Labels labels = of;
    labels.push_back({key, value});
    return labels;
  };
  out.gauge("remapd_table_version", "Newest published mapping version.",
            number(last.info.version.value), of);
  out.gauge("remapd_table_epoch", "Epoch this instance publishes under.", number(table.epoch.value),
            of);
  if (table.published_ms != 0) {
    out.gauge("remapd_table_published_timestamp_seconds",
              "When the newest version was published by this process, Unix.",
              seconds(table.published_ms), of);
  }
  out.gauge("remapd_table_built_samples", "Samples the newest version was built from.",
            number(last.built_samples), of);
  out.gauge("remapd_table_mapped_ids", "Ids the newest version knows.", number(last.ids), of);
  const mapping::MappingStats& stats = last.stats;
  constexpr const char* kRows = "remapd_table_role_rows";
  constexpr const char* kRowsHelp = "Rows of the newest version by role.";
  out.gauge(kRows, kRowsHelp, stats.dedicated_rows, with("role", "dedicated"));
  out.gauge(kRows, kRowsHelp, stats.shared_rows, with("role", "shared"));
  out.gauge(kRows, kRowsHelp, stats.fallback_rows, with("role", "new_ids"));
  constexpr const char* kTraffic = "remapd_table_traffic_ratio";
  constexpr const char* kTrafficHelp =
      "Share of the accesses by known ids that falls on dedicated and on shared rows.";
  out.gauge(kTraffic, kTrafficHelp, stats.traffic_dedicated, with("role", "dedicated"));
  out.gauge(kTraffic, kTrafficHelp, stats.traffic_shared, with("role", "shared"));
  out.gauge("remapd_table_moved_traffic_ratio",
            "Share of the traffic whose row the newest version changed.", stats.traffic_moved, of);
  out.gauge("remapd_table_distortion_ratio",
            "Spread of the embeddings within shared rows over their whole spread.",
            stats.distortion, of);
}

void collect_table(const application::TableStatus& table, Collector& out) {
  const pipeline::TableStats& stats = table.stats;
  const Labels of{{"table", stats.name}};
  const auto end = [&](const char* outcome) {
    Labels labels = of;
    labels.push_back({"outcome", outcome});
    return labels;
  };
  out.gauge("remapd_table_rows", "Row budget.", stats.rows, of);
  out.counter("remapd_table_accesses_total", "Accesses, all time.", number(stats.accesses), of);
  out.gauge("remapd_table_distinct_ids", "Distinct ids seen, all time, estimated.",
            stats.distinct_ids, of);
  out.gauge("remapd_table_tracked_ids", "Ids tracked exactly.", number(stats.tracked_ids), of);
  out.counter("remapd_table_evicted_ids_total", "Tracked ids given up for others, all time.",
              number(stats.evicted_ids), of);
  out.gauge("remapd_table_new_id_traffic_ratio",
            "Share of recent accesses by ids the newest version does not know.",
            stats.new_id_traffic, of);
  out.gauge("remapd_table_memory_bytes", "Memory of the table's statistics.",
            number(stats.memory_bytes), of);
  out.gauge("remapd_table_supervised", "1 if the supervised learner embeds this table's ids.",
            stats.learner == "supervised" ? 1 : 0, of);
  out.gauge("remapd_table_frozen", "1 if an operator has frozen the table.", table.frozen ? 1 : 0,
            of);
  out.gauge("remapd_table_problem", "1 while something keeps versions from being published.",
            table.problem.empty() ? 0 : 1, of);
  constexpr const char* kVersions = "remapd_table_versions_total";
  constexpr const char* kVersionsHelp = "Versions built, by what became of them.";
  out.counter(kVersions, kVersionsHelp, number(table.published), end("published"));
  out.counter(kVersions, kVersionsHelp, number(table.refused), end("refused"));
  out.counter(kVersions, kVersionsHelp, number(table.failed), end("failed"));
  out.counter(kVersions, kVersionsHelp, number(table.rebuilt), end("rebuilt"));
  out.histogram("remapd_table_copy_seconds", "Copying what a build needs; intake waits for it.",
                table.copy_seconds, of);
  out.histogram("remapd_table_build_seconds", "Building and encoding a version.",
                table.build_seconds, of);
  out.histogram("remapd_table_publish_seconds", "Publishing a version, retries included.",
                table.publish_seconds, of);
  out.histogram("remapd_table_version_gap_seconds",
                "Between two versions published by this process.", table.gap_seconds, of);
  collect_version(table, of, out);
}

void collect_checkpoint(const application::CheckpointStatus& checkpoint, Collector& out) {
  if (!checkpoint.enabled) return;
  out.counter("remapd_checkpoints_total", "Checkpoints by what became of them.",
              number(checkpoint.saved), {{"outcome", "saved"}});
  out.counter("remapd_checkpoints_total", "Checkpoints by what became of them.",
              number(checkpoint.failed), {{"outcome", "failed"}});
  if (checkpoint.last_ms != 0) {
    out.gauge("remapd_checkpoint_timestamp_seconds", "When the last one was saved, Unix.",
              seconds(checkpoint.last_ms));
    out.gauge("remapd_checkpoint_bytes", "Size of the last one.", number(checkpoint.last_bytes));
  }
  out.histogram("remapd_checkpoint_copy_seconds",
                "Copying the state for a checkpoint; intake waits for it.",
                checkpoint.copy_seconds);
  out.histogram("remapd_checkpoint_seconds", "Making a checkpoint durable, beside intake.",
                checkpoint.seconds);
}

}  // namespace

std::vector<MetricFamily> families_of(const application::Status& status) {
  Collector out;
  out.gauge("remapd_info", "Always 1; labels tell which build and instance this is.", 1,
            {{"release", REMAPD_VERSION}, {"instance_name", status.instance}});
  out.gauge("remapd_start_timestamp_seconds", "When the daemon was started, Unix.",
            seconds(status.started_ms));
  out.gauge("remapd_ready", "1 if mapping versions can be expected.", status.ready() ? 1 : 0);
  collect_problems(status, out);
  collect_input(status, out);
  if (status.input.brokers) collect_brokers(*status.input.brokers, out);
  collect_memory(status.memory, out);
  for (const application::TableStatus& table : status.tables) collect_table(table, out);
  collect_checkpoint(status.checkpoint, out);
  return out.take();
}

}  // namespace remapd::metrics
