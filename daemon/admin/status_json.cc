#include "daemon/admin/status_json.h"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace remapd::admin {
namespace {

using Json = nlohmann::ordered_json;

// "2026-01-31T12:00:00.123Z"; null for 0, which stands for never or unknown.
Json time_of(std::int64_t unix_ms) {
  if (unix_ms == 0) return nullptr;
  const std::int64_t seconds = (unix_ms >= 0 ? unix_ms : unix_ms - 999) / 1000;
  std::tm parts{};
  const auto time = static_cast<std::time_t>(seconds);
  if (gmtime_r(&time, &parts) == nullptr) return nullptr;  // a year no calendar has
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts, unix_ms - seconds * 1000);
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json version_or_null(Version version) {
  return version == kNoVersion ? Json(nullptr) : Json(version.value);
}

Json to_json(const application::Timings& timings) {
  return {{"count", timings.count()}, {"sum", timings.sum()}, {"last", timings.last()}};
}

Json to_json(const mapping::Manifest& manifest, std::int64_t published_ms) {
  const mapping::MappingStats& stats = manifest.stats;
  const std::uint32_t rows = manifest.info.rows;
  return {{"version", manifest.info.version.value},
          {"parent", version_or_null(manifest.info.parent)},
          {"epoch", manifest.info.epoch.value},
          {"instance", manifest.instance},
          {"built", time_of(manifest.info.built_ms)},
          {"built_samples", manifest.built_samples},
          {"published", time_of(published_ms)},
          {"rollback_of", version_or_null(manifest.rollback_of)},
          {"strategy", to_string(manifest.info.strategy)},
          {"ids", manifest.ids},
          {"ids_moved", stats.ids_moved},
          {"rows",
           {{"total", rows},
            {"dedicated", stats.dedicated_rows},
            {"shared", stats.shared_rows},
            {"new_ids", stats.fallback_rows},
            {"used", stats.rows_used}}},
          {"traffic",
           {{"dedicated", stats.traffic_dedicated},
            {"shared", stats.traffic_shared},
            {"new_ids", stats.new_id_traffic},
            {"moved", stats.traffic_moved}}},
          {"distortion", stats.distortion}};
}

Json gates_of(const pipeline::GateReport& report) {
  Json gates = Json::array();
  for (std::size_t g = 0; g < pipeline::kGates; ++g) {
    const auto gate = static_cast<pipeline::Gate>(g);
    gates.push_back({{"gate", to_string(gate)},
                     {"passed", report.of(gate).passed},
                     {"finding", report.of(gate).finding}});
  }
  return gates;
}

Json partitions_of(const application::Status& status) {
  Json partitions = Json::array();
  for (const pipeline::PartitionOffset& offset : status.offsets) {
    Json lag = nullptr;
    for (const pipeline::PartitionLag& known : status.input.lag) {
      if (known.partition == offset.partition) lag = known.messages;
    }
    partitions.push_back({{"partition", offset.partition},
                          {"next_offset", offset.next_offset},
                          {"lag_messages", lag}});
  }
  return partitions;
}

Json to_json(const application::Problem& problem) {
  return {{"code", to_string(problem.code)},
          {"where", problem.where},
          {"what", problem.what},
          {"since", time_of(problem.since_ms)},
          {"advice", text_or_null(problem.advice)}};
}

// 0: unbounded.
Json bounded_or_null(double value) {
  return value == 0 ? Json(nullptr) : Json(value);
}

Json features_of(const application::Status& status) {
  Json features = Json::array();
  for (const application::FeatureStatus& feature : status.features) {
    features.push_back({{"name", feature.name}, {"ids", feature.ids}});
  }
  return features;
}

}  // namespace

Json to_json(const application::TableStatus& table) {
  const pipeline::TableStats& stats = table.stats;
  return {{"name", stats.name},
          {"rows", stats.rows},
          {"strategy", stats.strategy},
          {"artifact", stats.artifact},
          {"learner", stats.learner},
          {"learner_reason", stats.learner_reason},
          {"accesses", stats.accesses},
          {"distinct_ids", stats.distinct_ids},
          {"tracked_ids", stats.tracked_ids},
          {"evicted_ids", stats.evicted_ids},
          {"new_id_traffic", stats.new_id_traffic},
          {"horizon",
           {{"half_life_samples", bounded_or_null(stats.half_life_samples)},
            {"accesses", bounded_or_null(stats.horizon_accesses)}}},
          {"memory_bytes", stats.memory_bytes},
          {"version", version_or_null(stats.version)},
          {"epoch", table.epoch.value},
          {"frozen", table.frozen},
          {"building", table.building},
          {"due_at_samples", table.due_at},
          {"problem", text_or_null(table.problem)},
          {"versions",
           {{"published", table.published},
            {"refused", table.refused},
            {"failed", table.failed},
            {"rebuilt", table.rebuilt}}},
          {"last", table.last ? to_json(*table.last, table.published_ms) : Json(nullptr)},
          {"gates", table.gates ? gates_of(*table.gates) : Json(nullptr)},
          {"copy_seconds", to_json(table.copy_seconds)},
          {"build_seconds", to_json(table.build_seconds)},
          {"publish_seconds", to_json(table.publish_seconds)},
          {"gap_seconds", to_json(table.gap_seconds)}};
}

Json to_json(const application::Status& status) {
  Json tables = Json::array();
  for (const application::TableStatus& table : status.tables) tables.push_back(to_json(table));
  Json problems = Json::array();
  for (const application::Problem& problem : status.problems) problems.push_back(to_json(problem));
  const application::CheckpointStatus& checkpoint = status.checkpoint;
  return {
      {"phase", to_string(status.phase)},
      {"ready", status.ready()},
      {"problem", text_or_null(status.problem)},
      {"problems", std::move(problems)},
      {"release", REMAPD_VERSION},
      {"instance", status.instance},
      {"source", status.source},
      {"started", time_of(status.started_ms)},
      {"updated", time_of(status.updated_ms)},
      {"stream",
       {{"samples", status.samples},
        {"waiting_samples", status.waiting_samples},
        {"mini_batch", status.mini_batch},
        {"labelled_samples", status.labelled_samples},
        {"label_mean", status.labelled_samples == 0
                           ? Json(nullptr)
                           : Json(status.label_sum / static_cast<double>(status.labelled_samples))},
        {"ids", status.ids},
        {"ticks", status.ticks},
        {"tick_seconds", status.tick_seconds},
        {"event_time", time_of(status.event_time_ms)},
        {"waiting_for_publication", status.waiting_for_publication}}},
      {"input",
       {{"messages", status.input.messages},
        {"bytes", status.input.bytes},
        {"dead_letters", status.input.dead_letters},
        {"unknown_features", status.input.unknown_features},
        {"lost_events", status.input.lost_events},
        {"errors", status.source_errors},
        {"samples", status.read_samples},
        {"features", features_of(status)},
        {"partitions", partitions_of(status)}}},
      {"tables", std::move(tables)},
      {"memory",
       {{"tables", status.memory.tables},
        {"learners", status.memory.learners},
        {"kept_versions", status.memory.kept_versions},
        {"resident", status.memory.resident}}},
      {"checkpoint",
       {{"enabled", checkpoint.enabled},
        {"saved", checkpoint.saved},
        {"failed", checkpoint.failed},
        {"last", time_of(checkpoint.last_ms)},
        {"last_bytes", checkpoint.last_bytes},
        {"last_samples", checkpoint.last_samples},
        {"copy_seconds", to_json(checkpoint.copy_seconds)},
        {"seconds", to_json(checkpoint.seconds)},
        {"problem", text_or_null(checkpoint.problem)}}}};
}

Json to_json(const application::HistoryPoint& point) {
  return {{"time", time_of(point.time_ms)},
          {"samples", point.samples},
          {"ids", point.ids},
          {"dead_letters", point.dead_letters},
          {"lag_messages", point.lag_messages ? Json(*point.lag_messages) : Json(nullptr)},
          {"resident_bytes", point.resident_bytes}};
}

Json to_json(const application::VersionRecord& record, bool kept) {
  return {{"version", record.version.value},
          {"outcome", to_string(record.outcome)},
          {"when", time_of(record.when_ms)},
          {"samples", record.samples},
          {"ids", record.stats.ids},
          {"rows", record.rows},
          {"rows_used", record.stats.rows_used},
          {"ids_moved", record.stats.ids_moved},
          {"moved_traffic", record.stats.traffic_moved},
          {"dedicated_traffic", record.stats.traffic_dedicated},
          {"shared_traffic", record.stats.traffic_shared},
          {"rollback_of", version_or_null(record.rollback_of)},
          {"build_seconds", record.build_seconds},
          {"publish_seconds", record.publish_seconds},
          {"problem", text_or_null(record.problem)},
          {"kept", kept},
          {"gates", record.gates ? gates_of(*record.gates) : Json(nullptr)}};
}

Json to_json(const pipeline::IdStats& id) {
  return {{"id", std::to_string(id.id)},
          {"frequency", id.frequency},
          {"row", id.row == kNoRow ? Json(nullptr) : Json(id.row.value)},
          {"row_ids", id.row_ids}};
}

Json to_json(const application::IdReport& report) {
  Json mates = Json::array();
  for (const pipeline::IdStats& mate : report.row_mates) mates.push_back(to_json(mate));
  Json out = to_json(report.id);
  out["version"] = version_or_null(report.version);
  out["row_mates"] = std::move(mates);
  return out;
}

}  // namespace remapd::admin
