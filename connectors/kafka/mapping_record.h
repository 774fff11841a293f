// The records of the mapping topic: their keys, and what they hold (docs/formats.md "Kafka
// topics").
//
// A key is text, so that it can be read in any Kafka tool; TABLE is the table's name with every
// byte outside [A-Za-z0-9_.-] as %XX:
//   TABLE/claim
//   TABLE/manifest/VERSION/EPOCH
//   TABLE/chunk/VERSION/EPOCH/snapshot|delta|plan/INDEX
// The epoch is part of the key, so that what a stale instance writes never replaces, in compaction,
// what its successor wrote. Stateless; safe on any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/proto/mapping.pb.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/manifest.h"

namespace remapd::kafka {

enum class RecordKind : std::uint8_t { kClaim = 0, kManifest = 1, kChunk = 2 };

struct RecordKey {
  RecordKind kind = RecordKind::kClaim;
  std::string table;
  // Of manifests and chunks:
  Version version{};
  Epoch epoch{};
  // Of chunks:
  mapping::BlobKind blob = mapping::BlobKind::kSnapshot;
  std::uint32_t index = 0;

  friend auto operator<=>(const RecordKey&, const RecordKey&) = default;
};

std::string to_string(const RecordKey& key);
// None for a key that to_string() does not write.
std::optional<RecordKey> parse_record_key(std::string_view text);

// The value of a record. kCorrupt: not a MappingRecord, or not what its key says; a chunk's data is
// checked against its checksum.
Result<v1::MappingRecord> parse_record(const RecordKey& key, ByteView value);

// A record to be written.
struct Record {
  RecordKey key;
  std::optional<v1::MappingRecord> value;  // none: a tombstone
};

// A blob cut into chunks of at most `chunk_bytes`; none for an empty blob.
std::vector<Record> chunk_records(const mapping::Manifest& manifest, mapping::BlobKind kind,
                                  ByteView blob, std::uint64_t chunk_bytes);
// `chunk_bytes`: as the blobs were cut.
Record manifest_record(const mapping::Manifest& manifest, std::uint64_t chunk_bytes);
Record claim_record(std::string_view table, Epoch epoch, std::string_view instance,
                    std::int64_t claimed_ms);

}  // namespace remapd::kafka
