// The manifest: a mapping version exists once its manifest is published.
//
// It names the version's blobs with their sizes and checksums. Publishers write the blobs first and
// the manifest last; clients offer a version only after they have verified the blobs they need
// against it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

enum class BlobKind : std::uint8_t {
  kSnapshot = 0,  // the whole artifact
  kDelta = 1,     // against the parent version
  kPlan = 2,      // migration plan from the parent version
};
inline constexpr std::size_t kBlobKinds = 3;
inline constexpr std::array kAllBlobs = {BlobKind::kSnapshot, BlobKind::kDelta, BlobKind::kPlan};
std::string_view to_string(BlobKind kind);

struct BlobInfo {
  std::uint64_t size = 0;      // bytes
  std::uint64_t checksum = 0;  // XXH3-64 of the bytes
};

struct Manifest {
  MappingInfo info;
  MappingStats stats;
  std::string instance;  // the name of the publishing instance
  std::uint64_t ids = 0;
  std::uint64_t content_hash = 0;
  std::uint64_t built_samples = 0;  // samples taken in when the build began: a trainer on the same
                                    // stream may swap there without look-ahead
  // The samples from which on the next version is due, at the earliest; where reading waits for
  // versions, exactly there. 0: not known.
  std::uint64_t next_samples = 0;
  Version rollback_of;  // the version an operator went back to, else kNoVersion
  std::array<std::optional<BlobInfo>, kBlobKinds> blobs;  // by BlobKind; at least one of
                                                          // snapshot and delta is present
  const std::optional<BlobInfo>& blob(BlobKind kind) const {
    return blobs[static_cast<std::size_t>(kind)];
  }
};

// Bytes of a blob wherever they live: a vector, or a mapped file.
class Blob {
 public:
  virtual ~Blob() = default;
  virtual ByteView view() const = 0;
  // Whether the bytes are pages of the page cache, which processes share.
  virtual bool is_mapped_file() const { return false; }
};
using BlobPtr = std::shared_ptr<const Blob>;

class OwnedBlob final : public Blob {
 public:
  explicit OwnedBlob(Bytes bytes) : bytes_(std::move(bytes)) {}
  ByteView view() const override { return bytes_; }

 private:
  Bytes bytes_;
};

// A version ready to be published: the manifest and the blobs it names.
struct Publication {
  Manifest manifest;
  std::array<Bytes, kBlobKinds> blobs;  // by BlobKind; empty where the manifest has none
};

// What a sink checks before it publishes: kInvalidArgument if a blob is not the one the manifest
// names (readers would refuse the version), or if there is neither a snapshot nor a delta.
Result<void> check_blobs(const Publication& publication);

}  // namespace remapd::mapping
