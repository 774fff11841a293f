// TableHistory: what the mapping topic says about one table, read record by record in the order of
// the log.
//
// The rules by which all readers of the same log agree:
//   * The epoch in force is the highest of all records so far. A manifest of a lower epoch is stale
//     and ignored.
//   * A claim holds its epoch if it is the first claim of that epoch.
//   * A version is in force from its manifest on, until its manifest is deleted. Versions in force
//     ascend; a manifest that does not is ignored, unless its epoch is higher: then it replaces
//     those it does not exceed (a stale manifest that was written before its successor's first, and
//     whose successor's claim has been compacted away).
// Pure: holds no blobs. Not thread safe. O(log) per record.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/mapping_record.h"
#include "core/base/types.h"
#include "core/mapping/manifest.h"

namespace remapd::kafka {

struct PublishedVersion {
  mapping::Manifest manifest;
  std::int64_t begins = 0;  // its records are at offsets begins .. offset
  std::int64_t offset = 0;  // the manifest's
};

class TableHistory {
 public:
  explicit TableHistory(std::string table) : table_(std::move(table)) {}

  enum class Applied {
    kNothing,     // no effect on what a reader sees
    kChunk,       // a chunk of a version that may yet come into force
    kVersion,     // the newest version in force is this one now
    kStale,       // of a lower epoch than the one in force
    kUnreadable,  // a manifest that cannot be read, or contradicts those before
  };

  // A record that parse_record() has checked, or a tombstone (null).
  Applied apply(std::int64_t offset, const RecordKey& key, const v1::MappingRecord* value);
  // A record that parse_record() refused. A manifest's version number counts as used.
  void apply_damaged(const RecordKey& key);

  Epoch epoch() const { return epoch_; }
  // Who holds the epoch in force, and the offset of the claim; empty and -1 if its claim is gone.
  const std::string& holder() const { return holder_; }
  std::int64_t claim_offset() const { return claim_offset_; }

  // In force; ascending.
  const std::map<Version, PublishedVersion>& versions() const { return versions_; }
  // The highest version number in use, also of a manifest that cannot be read.
  Version newest() const { return newest_; }

  // The records to delete so that only the newest `retain` versions remain, and in any case the
  // newest one with a snapshot and those after it; also records of publications that were not
  // completed. In the order to delete them: manifests before their chunks.
  std::vector<RecordKey> obsolete(std::uint32_t retain) const;

 private:
  using Attempt = std::pair<Version, Epoch>;
  struct Written {
    bool manifest = false;
    std::map<std::pair<mapping::BlobKind, std::uint32_t>, std::int64_t> chunks;  // to offsets
  };

  void raise_epoch(Epoch epoch);
  Applied apply_manifest(std::int64_t offset, const RecordKey& key, const v1::Manifest& message);
  void apply_tombstone(const RecordKey& key);

  std::string table_;
  Epoch epoch_;
  std::string holder_;
  std::int64_t claim_offset_ = -1;
  Version newest_ = kNoVersion;
  std::map<Version, PublishedVersion> versions_;
  std::map<Attempt, Written> written_;  // what there is in the topic, in force or not
};

}  // namespace remapd::kafka
