#include "connectors/kafka/mapping_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include "connectors/proto/manifest_codec.h"
#include "core/base/check.h"
#include "core/base/hash.h"

namespace remapd::kafka {

using mapping::BlobKind;

namespace {

constexpr std::string_view kClaim = "claim";
constexpr std::string_view kManifest = "manifest";
constexpr std::string_view kChunk = "chunk";
constexpr std::array<BlobKind, mapping::kBlobKinds> kAllBlobs = {BlobKind::kSnapshot,
                                                                 BlobKind::kDelta, BlobKind::kPlan};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

std::string escaped(std::string_view table) {
  std::string text;
  for (const char c : table) {
    if (is_plain(c)) {
      text += c;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string table;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      table += text[i];
      continue;
    }
    const auto byte = parse_number<unsigned char>(text.substr(i + 1, 2), 16);
    if (!byte) return std::nullopt;
    table += static_cast<char>(*byte);
    i += 2;
  }
  return table;
}

// Takes the part of `text` before the next '/'.
std::string_view next_part(std::string_view& text) {
  const std::size_t end = std::min(text.find('/'), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::optional<BlobKind> parse_blob(std::string_view text) {
  for (const BlobKind kind : kAllBlobs) {
    if (mapping::to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

v1::BlobKind to_proto(BlobKind kind) {
  return static_cast<v1::BlobKind>(kind);
}

std::uint32_t chunk_count(std::uint64_t bytes, std::uint64_t chunk_bytes) {
  return static_cast<std::uint32_t>((bytes + chunk_bytes - 1) / chunk_bytes);
}

bool fits(const RecordKey& key, const v1::MappingRecord& record) {
  switch (key.kind) {
    case RecordKind::kClaim:
      return record.has_claim() && record.claim().table() == key.table;
    case RecordKind::kManifest:
      return record.has_manifest() && record.manifest().table() == key.table &&
             record.manifest().version() == key.version.value &&
             record.manifest().epoch() == key.epoch.value;
    case RecordKind::kChunk:
      return record.has_chunk() && record.chunk().table() == key.table &&
             record.chunk().version() == key.version.value &&
             record.chunk().epoch() == key.epoch.value &&
             record.chunk().kind() == to_proto(key.blob) && record.chunk().index() == key.index &&
             key.index < record.chunk().count();
  }
  return false;
}

}  // namespace

std::string to_string(const RecordKey& key) {
  const std::string table = escaped(key.table);
  switch (key.kind) {
    case RecordKind::kClaim:
      return fmt::format("{}/{}", table, kClaim);
    case RecordKind::kManifest:
      return fmt::format("{}/{}/{}/{}", table, kManifest, key.version.value, key.epoch.value);
    case RecordKind::kChunk:
      break;
  }
  return fmt::format("{}/{}/{}/{}/{}/{}", table, kChunk, key.version.value, key.epoch.value,
                     mapping::to_string(key.blob), key.index);
}

std::optional<RecordKey> parse_record_key(std::string_view text) {
  std::string_view rest = text;
  RecordKey key;
  const auto table = unescaped(next_part(rest));
  if (!table) return std::nullopt;
  key.table = *table;
  const std::string_view kind = next_part(rest);
  if (kind == kManifest || kind == kChunk) {
    key.kind = kind == kManifest ? RecordKind::kManifest : RecordKind::kChunk;
    const auto version = parse_number<std::uint64_t>(next_part(rest));
    const auto epoch = parse_number<std::uint64_t>(next_part(rest));
    if (!version || !epoch) return std::nullopt;
    key.version = Version{*version};
    key.epoch = Epoch{*epoch};
    if (kind == kChunk) {
      const auto blob = parse_blob(next_part(rest));
      const auto index = parse_number<std::uint32_t>(next_part(rest));
      if (!blob || !index) return std::nullopt;
      key.blob = *blob;
      key.index = *index;
    }
  }
  // Also refuses other spellings of the same: one key, one record.
  if (to_string(key) != text) return std::nullopt;
  return key;
}

Result<v1::MappingRecord> parse_record(const RecordKey& key, ByteView value) {
  const google::protobuf::LogSilencer quiet;  // the Error says it all
  v1::MappingRecord record;
  if (value.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !record.ParseFromArray(value.data(), static_cast<int>(value.size())) || !fits(key, record)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("record {}: its {} bytes are not what the key says", to_string(key),
                            value.size()));
  }
  if (record.has_chunk() &&
      checksum(as_bytes(record.chunk().data())) != record.chunk().checksum()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("record {}: its data does not match its checksum", to_string(key)));
  }
  return record;
}

std::vector<Record> chunk_records(const mapping::Manifest& manifest, BlobKind kind, ByteView blob,
                                  std::uint64_t chunk_bytes) {
  REMAPD_CHECK(chunk_bytes > 0, "chunks hold something");
  std::vector<Record> records(chunk_count(blob.size(), chunk_bytes));
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    const std::size_t from = i * chunk_bytes;
    const ByteView data =
        blob.subspan(from, std::min<std::size_t>(chunk_bytes, blob.size() - from));
    records[i].key = {.kind = RecordKind::kChunk,
                      .table = manifest.info.table,
                      .version = manifest.info.version,
                      .epoch = manifest.info.epoch,
                      .blob = kind,
                      .index = i};
    v1::Chunk& chunk = *records[i].value.emplace().mutable_chunk();
    chunk.set_table(manifest.info.table);
    chunk.set_version(manifest.info.version.value);
    chunk.set_epoch(manifest.info.epoch.value);
    chunk.set_kind(to_proto(kind));
    chunk.set_index(i);
    chunk.set_count(static_cast<std::uint32_t>(records.size()));
    chunk.set_checksum(checksum(data));
    chunk.set_data(data.data(), data.size());
  }
  return records;
}

Record manifest_record(const mapping::Manifest& manifest, std::uint64_t chunk_bytes) {
  Record record{.key = {.kind = RecordKind::kManifest,
                        .table = manifest.info.table,
                        .version = manifest.info.version,
                        .epoch = manifest.info.epoch},
                .value = std::nullopt};
  v1::Manifest& message = *record.value.emplace().mutable_manifest();
  message = proto::to_proto(manifest);
  const auto cut = [&](BlobKind kind, v1::BlobInfo* (v1::Manifest::*info)()) {
    if (const auto& blob = manifest.blob(kind)) {
      (message.*info)()->set_chunks(chunk_count(blob->size, chunk_bytes));
    }
  };
  cut(BlobKind::kSnapshot, &v1::Manifest::mutable_snapshot);
  cut(BlobKind::kDelta, &v1::Manifest::mutable_delta);
  cut(BlobKind::kPlan, &v1::Manifest::mutable_plan);
  return record;
}

Record claim_record(std::string_view table, Epoch epoch, std::string_view instance,
                    std::int64_t claimed_ms) {
  Record record{.key = {.kind = RecordKind::kClaim, .table = std::string(table)},
                .value = std::nullopt};
  v1::EpochClaim& claim = *record.value.emplace().mutable_claim();
  claim.set_table(std::string(table));
  claim.set_epoch(epoch.value);
  claim.set_instance(std::string(instance));
  claim.set_claimed_ms(claimed_ms);
  return record;
}

}  // namespace remapd::kafka
