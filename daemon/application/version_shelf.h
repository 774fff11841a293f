// VersionShelf: the records of the last kRemembered builds of each table, and the blobs of its
// newest `keep` published versions, for the admin server; more where these are increments: there is
// always a version with a snapshot, from which deltas lead on to the newest. Thread safe; what it
// returns stays valid while it is held.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapping/manifest.h"
#include "core/pipeline/publish_gates.h"

namespace remapd::application {

enum class VersionOutcome : std::uint8_t {
  kPublished,
  kRefused,  // by a gate; the next build takes the number
  kFailed,   // could not be published; likewise
  kFound,    // published by an earlier process
};
std::string_view to_string(VersionOutcome outcome);

struct VersionRecord {
  std::uint64_t sequence = 0;  // 1, 2, ... over all tables, set by the shelf
  std::string table;
  Version version;
  VersionOutcome outcome = VersionOutcome::kPublished;
  std::int64_t when_ms = 0;   // when it was published or refused (kFound: built); Unix milliseconds
  std::uint64_t samples = 0;  // it was built from
  std::uint32_t rows = 0;
  mapping::MappingStats stats;
  Version rollback_of;                        // else kNoVersion
  std::optional<pipeline::GateReport> gates;  // of a build by this process
  std::string problem;                        // why it was refused or failed; else empty
  double build_seconds = 0;
  double publish_seconds = 0;
};

// A version for download. The manifest names exactly the blobs that are here.
struct KeptVersion {
  mapping::Manifest manifest;
  std::array<mapping::BlobPtr, mapping::kBlobKinds> blobs;  // by BlobKind; null: none

  const mapping::BlobPtr& blob(mapping::BlobKind kind) const {
    return blobs[static_cast<std::size_t>(kind)];
  }
};
using KeptVersionPtr = std::shared_ptr<const KeptVersion>;

// `manifest` as published; the blobs it names that are null are taken out of it, and `artifact`,
// which looks up the same as what was published, becomes its snapshot.
KeptVersionPtr make_kept_version(mapping::Manifest manifest, mapping::BlobPtr artifact,
                                 mapping::BlobPtr delta, mapping::BlobPtr plan);

class VersionShelf {
 public:
  static constexpr std::size_t kRemembered = 100;

  // `keep` >= 1 versions of each table.
  explicit VersionShelf(std::size_t keep) : keep_(keep) {}

  // `kept`: of a published version; may be null. Versions are kept in ascending order: what is not
  // above the newest kept replaces it and what follows.
  void add(VersionRecord record, KeptVersionPtr kept);

  // Of one table, newest first; none for a table nothing was added of.
  std::vector<VersionRecord> records(std::string_view table) const;
  // Those after `sequence`, of all tables, oldest first.
  std::vector<VersionRecord> records_since(std::uint64_t sequence) const;
  std::uint64_t last_sequence() const;
  // Of all that is kept.
  std::uint64_t bytes() const;

  // The newest if `version` is none; null if it is not kept.
  KeptVersionPtr find(std::string_view table, std::optional<Version> version) const;

 private:
  struct Table {
    std::deque<VersionRecord> records;  // oldest first
    std::deque<KeptVersionPtr> kept;    // likewise
  };

  const std::size_t keep_;
  mutable std::mutex mutex_;
  std::map<std::string, Table, std::less<>> tables_;
  std::uint64_t sequence_ = 0;
};

}  // namespace remapd::application
