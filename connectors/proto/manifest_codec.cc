#include "connectors/proto/manifest_codec.h"

#include <array>
#include <optional>

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/json_util.h>

#include "core/base/hash.h"
#include "core/mapping/strategy.h"

namespace remapd::proto {
namespace {

using mapping::BlobKind;
using mapping::Manifest;

constexpr std::uint32_t kFormatVersion = 1;

void put_blob(const std::optional<mapping::BlobInfo>& blob, v1::BlobInfo* (v1::Manifest::*field)(),
              v1::Manifest& message) {
  if (!blob) return;
  v1::BlobInfo& out = *(message.*field)();
  out.set_size(blob->size);
  out.set_checksum(blob->checksum);
}

// The fields 1 to 19: what the checksum is of.
v1::Manifest fields_of(const Manifest& manifest) {
  v1::Manifest message;
  const mapping::MappingInfo& info = manifest.info;
  message.set_format_version(kFormatVersion);
  message.set_table(info.table);
  message.set_version(info.version.value);
  message.set_parent(info.parent.value);
  message.set_epoch(info.epoch.value);
  message.set_instance(manifest.instance);
  message.set_strategy(std::string(mapping::to_string(info.strategy)));
  message.set_rows(info.rows);
  message.set_dedicated_rows(info.dedicated_rows);
  v1::Fallback& fallback = *message.mutable_fallback();
  fallback.set_first_row(info.fallback.first_row);
  fallback.set_row_count(info.fallback.row_count);
  fallback.set_ways(info.fallback.ways);
  fallback.set_seed(info.fallback.seed);
  message.set_built_ms(info.built_ms);
  message.set_ids(manifest.ids);
  message.set_content_hash(manifest.content_hash);
  message.set_built_samples(manifest.built_samples);
  message.set_next_samples(manifest.next_samples);
  message.set_rollback_of(manifest.rollback_of.value);
  v1::MappingStats& stats = *message.mutable_stats();
  stats.set_ids_moved(manifest.stats.ids_moved);
  stats.set_dedicated_rows(manifest.stats.dedicated_rows);
  stats.set_shared_rows(manifest.stats.shared_rows);
  stats.set_fallback_rows(manifest.stats.fallback_rows);
  stats.set_rows_used(manifest.stats.rows_used);
  stats.set_traffic_dedicated(manifest.stats.traffic_dedicated);
  stats.set_traffic_shared(manifest.stats.traffic_shared);
  stats.set_new_id_traffic(manifest.stats.new_id_traffic);
  stats.set_traffic_moved(manifest.stats.traffic_moved);
  stats.set_distortion(manifest.stats.distortion);
  put_blob(manifest.blob(BlobKind::kSnapshot), &v1::Manifest::mutable_snapshot, message);
  put_blob(manifest.blob(BlobKind::kDelta), &v1::Manifest::mutable_delta, message);
  put_blob(manifest.blob(BlobKind::kPlan), &v1::Manifest::mutable_plan, message);
  return message;
}

std::uint64_t checksum_of(const v1::Manifest& fields) {
  return checksum(as_bytes(fields.SerializeAsString()));
}

}  // namespace

v1::Manifest to_proto(const Manifest& manifest) {
  v1::Manifest message = fields_of(manifest);
  message.set_checksum(checksum_of(message));
  return message;
}

Result<Manifest> from_proto(const v1::Manifest& message) {
  if (message.format_version() > kFormatVersion) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("the manifest has format version {}; this build reads version {}",
                            message.format_version(), kFormatVersion));
  }
  const auto corrupt = [](std::string_view what) {
    return fail(ErrorCode::kCorrupt, fmt::format("not a manifest: {}", what));
  };
  if (message.format_version() == 0) return corrupt("it has no format version");
  if (message.table().empty()) return corrupt("it names no table");
  if (message.version() == 0) return corrupt("it has no version");
  if (message.parent() >= message.version()) {
    return corrupt(fmt::format("its parent {} is not before its version {}", message.parent(),
                               message.version()));
  }
  if (message.rollback_of() >= message.version()) {
    return corrupt(fmt::format("it goes back to version {}, which is not before its version {}",
                               message.rollback_of(), message.version()));
  }
  const auto strategy = mapping::parse_strategy(message.strategy());
  if (!strategy) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("the manifest names strategy \"{}\", which this build does not know",
                            message.strategy()));
  }
  const std::uint32_t rows = message.rows();
  if (rows == 0 || rows == kNoRow.value) return corrupt(fmt::format("{} rows", rows));
  if (message.dedicated_rows() > rows) {
    return corrupt(fmt::format("{} dedicated rows of {}", message.dedicated_rows(), rows));
  }
  const v1::Fallback& fallback = message.fallback();
  if (fallback.row_count() == 0 || fallback.first_row() >= rows ||
      fallback.row_count() > rows - fallback.first_row()) {
    return corrupt(fmt::format("a fallback of {} rows from row {} on, of {}", fallback.row_count(),
                               fallback.first_row(), rows));
  }
  if (fallback.ways() != 1 && fallback.ways() != 2) {
    return corrupt(fmt::format("a fallback of {} ways", fallback.ways()));
  }
  if (!message.has_snapshot() && !message.has_delta()) {
    return corrupt("it has neither snapshot nor delta");
  }
  if (message.has_delta() && message.parent() == 0) return corrupt("it has a delta but no parent");

  Manifest manifest;
  manifest.info = {.table = message.table(),
                   .version = Version{message.version()},
                   .parent = Version{message.parent()},
                   .epoch = Epoch{message.epoch()},
                   .strategy = *strategy,
                   .rows = rows,
                   .dedicated_rows = message.dedicated_rows(),
                   .fallback = {.first_row = fallback.first_row(),
                                .row_count = fallback.row_count(),
                                .ways = fallback.ways(),
                                .seed = fallback.seed()},
                   .built_ms = message.built_ms()};
  const v1::MappingStats& stats = message.stats();
  manifest.stats = {.ids = message.ids(),
                    .ids_moved = stats.ids_moved(),
                    .dedicated_rows = stats.dedicated_rows(),
                    .shared_rows = stats.shared_rows(),
                    .fallback_rows = stats.fallback_rows(),
                    .rows_used = stats.rows_used(),
                    .traffic_dedicated = stats.traffic_dedicated(),
                    .traffic_shared = stats.traffic_shared(),
                    .new_id_traffic = stats.new_id_traffic(),
                    .traffic_moved = stats.traffic_moved(),
                    .distortion = stats.distortion()};
  manifest.instance = message.instance();
  manifest.ids = message.ids();
  manifest.content_hash = message.content_hash();
  manifest.built_samples = message.built_samples();
  manifest.next_samples = message.next_samples();
  manifest.rollback_of = Version{message.rollback_of()};
  const auto take_blob = [&](BlobKind kind, bool present, const v1::BlobInfo& blob) {
    if (!present) return;
    manifest.blobs[static_cast<std::size_t>(kind)] =
        mapping::BlobInfo{.size = blob.size(), .checksum = blob.checksum()};
  };
  take_blob(BlobKind::kSnapshot, message.has_snapshot(), message.snapshot());
  take_blob(BlobKind::kDelta, message.has_delta(), message.delta());
  take_blob(BlobKind::kPlan, message.has_plan(), message.plan());
  if (message.checksum() != checksum_of(fields_of(manifest))) {
    return corrupt("its checksum does not hold: damaged");
  }
  return manifest;
}

std::string to_json(const Manifest& manifest) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string json;
  // It fails for messages of type Any only, and there is none in a manifest.
  (void)google::protobuf::util::MessageToJsonString(to_proto(manifest), &json, options);
  return json;
}

Result<Manifest> manifest_from_json(std::string_view json) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;       // a later build may write more
  const google::protobuf::LogSilencer quiet;  // the Error says it all
  v1::Manifest message;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &message, options);
  if (!status.ok()) {
    return fail(ErrorCode::kCorrupt, fmt::format("not a manifest: {}", status.ToString()));
  }
  return from_proto(message);
}

}  // namespace remapd::proto
