// The mapping artifact: one immutable, checksummed block of bytes that is looked up in place.
//
// Format: docs/formats.md "Mapping artifact", version 1, little endian; golden files in
// tests/golden. Known ids are exact: an id whose fingerprint would meet another's stands in an
// exception list. An unknown id is taken for a known one with probability < 3e-7 and otherwise goes
// to the fallback.
//
// ArtifactView is a view: it neither owns nor copies the bytes, which must outlive it. It is
// trivially copyable and safe to read from any number of threads. Lookups never fail and never
// read outside the bytes, whatever they hold, once open() has accepted the header.
#pragma once

#include <cstdint>
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

  // The row of one id; kNoRow for `unknown` never: unknown ids get their fallback row.
  Row lookup(Id id) const;
  // Batched: out.size() == ids.size(). Memory latency is hidden by prefetching.
  void lookup(std::span<const Id> ids, std::span<Row> out) const;
  // With info().fallback.ways == 2: the second row of each id, kNoRow where it has only one.
  void lookup_second(std::span<const Id> ids, std::span<Row> out) const;
  bool contains(Id id) const;
};

}  // namespace remapd::mapping
