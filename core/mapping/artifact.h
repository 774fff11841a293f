// The mapping artifact: one immutable, checksummed block of bytes that is looked up in place.
//
// Format: docs/formats.md "Mapping artifact", version 1, little endian; golden files in
// tests/golden. Known ids are exact: an id whose fingerprint would meet another's stands in an
// exception list. An unknown id is taken for a known one with probability < 3e-7 and otherwise goes
// to the fallback.
//
// A lookup reads one cache line (rarely two): the id's hash chooses a line of `kSlots` entries,
// each a fingerprint and a row. A line that was full sends its lookups on to the next one.
//
// ArtifactView is a view: it does not copy the bytes, which must outlive it. It is safe to read
// from any number of threads. Lookups never fail and never read outside the bytes, whatever they
// hold, once open() has accepted the header; rows are always below info().rows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/mapping.h"

namespace remapd::mapping {

// The bytes of `mapping`; the same mapping gives the same bytes. mapping.ids must be strictly
// ascending and rows in range (checked). O(n).
Bytes encode_artifact(const Mapping& mapping);

enum class Verify {
  kHeader,  // O(1): header checksum and bounds; lets a huge file open at once
  kAll,     // O(size): also the checksum of the body
};

class ArtifactView {
 public:
  // kCorrupt (damaged or truncated) or kUnsupported (newer format).
  static Result<ArtifactView> open(ByteView bytes, Verify verify);
  // The body's checksum, for verifying in the background after Verify::kHeader.
  Result<void> verify_body() const;

  const MappingInfo& info() const;
  std::uint64_t ids() const;           // known ids
  std::uint64_t content_hash() const;  // see mapping.h

  // The row of one id; unknown ids get their fallback row.
  Row lookup(Id id) const;
  // Batched: out.size() == ids.size(). Memory latency is hidden by prefetching.
  void lookup(std::span<const Id> ids, std::span<Row> out) const;
  // With info().fallback.ways == 2: the second row of each id, kNoRow where it has only one.
  void lookup_second(std::span<const Id> ids, std::span<Row> out) const;
  // Whether the id is known: always true for those that are, true for others with p < 3e-7.
  bool contains(Id id) const;

 private:
  friend class ArtifactEditor;

  const std::byte* line(std::uint64_t index) const;
  std::optional<Row> find(Id id, std::uint64_t hash) const;
  template <class Line>
  Row row_of(Id id, std::uint64_t hash) const;
  template <class Line>
  bool find_in(Id id, std::uint64_t hash, Row& row) const;
  std::optional<Row> find_exception(Id id) const;

  ByteView bytes_;
  MappingInfo info_;
  std::uint64_t ids_ = 0;
  std::uint64_t content_hash_ = 0;
  std::uint64_t body_checksum_ = 0;
  std::uint32_t header_size_ = 0;
  std::uint32_t layout_ = 0;
  std::uint32_t row_bits_ = 0;
  std::uint32_t home_lines_ = 0;
  std::uint32_t lines_ = 0;
  std::uint64_t exceptions_ = 0;
};

}  // namespace remapd::mapping
