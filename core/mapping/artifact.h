// ArtifactView: lookups in a mapping artifact, an immutable, checksummed block of bytes that is
// read in place. artifact_encoder.h makes artifacts.
//
//   auto view = ArtifactView::open(bytes, Verify::kAll);
//   view->lookup(ids, rows);
//
// Known ids are exact. A new id is taken for a known one with probability < 3e-7 (fast artifacts,
// line_table.h) or <= 1/4096 (compact ones, fuse_table.h); otherwise it goes to its fallback row.
// Once open() has accepted the header, lookups never fail, never read outside the bytes, and give
// rows below info().rows, whatever the bytes hold.
//
// The bytes are not copied and must outlive the view. Const calls are thread safe. A lookup is
// O(1). Format: docs/formats.md "Mapping artifact", version 1, little endian; golden files in
// tests/golden.
#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/artifact_kind.h"
#include "core/mapping/fuse_table.h"
#include "core/mapping/line_table.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

enum class Verify {
  kHeader,  // O(1): header checksum and bounds; lets a huge file open at once
  kAll,     // O(size): also the checksum of the body
};

class ArtifactView {
 public:
  // kCorrupt (damaged or truncated), kUnsupported (another format version).
  static Result<ArtifactView> open(ByteView bytes, Verify verify);
  // The body's checksum, for verifying in the background after Verify::kHeader.
  Result<void> verify_body() const;

  ArtifactKind kind() const { return static_cast<ArtifactKind>(table_.index()); }
  const MappingInfo& info() const { return info_; }
  std::uint64_t ids() const { return ids_; }                    // known ids
  std::uint64_t content_hash() const { return content_hash_; }  // see mapping.h

  // The row of one id; new ids get their fallback row.
  Row lookup(Id id) const;
  // Batched: out.size() == ids.size(), here and below. Memory latency is hidden by prefetching.
  void lookup(std::span<const Id> ids, std::span<Row> out) const;
  // With info().fallback.ways == 2: the second row of each id, kNoRow where it has only one.
  void lookup_second(std::span<const Id> ids, std::span<Row> out) const;
  // True for known ids, and rarely for others (probabilities above).
  bool contains(Id id) const;
  // The rows of ids that contains() is true for, kNoRow for others.
  void find(std::span<const Id> ids, std::span<Row> out) const;

 private:
  friend class ArtifactEditor;
  friend Bytes with_info(const ArtifactView& artifact, const MappingInfo& info);

  ByteView bytes_;
  MappingInfo info_;
  std::uint64_t ids_ = 0;
  std::uint64_t content_hash_ = 0;
  std::uint64_t body_checksum_ = 0;
  std::uint32_t header_size_ = 0;
  std::variant<LineTable, FuseTable> table_ = LineTable({}, 0, nullptr);  // by ArtifactKind
};

}  // namespace remapd::mapping
