// StateWriter: serialises a large state in parallel, copying it once.
//
//   writer.small().put(count);                                   // small values, written at once
//   writer.add([&](ByteWriter& out) { ... });                    // a section, written by write()
//   std::vector<Bytes> pieces = std::move(writer).write();
//
// Sections keep the order in which they were added. What a section reads must exist, unchanged,
// until write() returns. Not thread safe; parallel inside.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/bytes.h"

namespace remapd {

class StateWriter {
 public:
  using Section = std::function<void(ByteWriter&)>;

  // Called by write(), on any thread. For ten thousand bytes or more; a section of millions should
  // reserve its size.
  void add(Section section) { parts_.push_back({{}, std::move(section)}); }
  // For small values, behind the last section. Valid until the next call of any member.
  ByteWriter& small() {
    if (parts_.empty() || parts_.back().section) parts_.emplace_back();
    return parts_.back().bytes;
  }
  // A large array that may be mostly zero: sparse lists of kSparseRange elements, the last one
  // shorter; for ByteReader::get_sparse_ranges().
  template <class T>
  void add_sparse(std::span<const T> values) {
    for (std::size_t at = 0; at < values.size(); at += kSparseRange) {
      const auto range = values.subspan(at, std::min(kSparseRange, values.size() - at));
      add([range](ByteWriter& out) {
        const std::size_t blocks = range.size() / kSparseBlock + 1;
        out.bytes().reserve(range.size_bytes() + (2 + blocks) * sizeof(std::uint64_t));
        out.put_sparse(range);
      });
    }
  }

  // The state, piece after piece. Once.
  std::vector<Bytes> write() &&;

 private:
  struct Part {
    ByteWriter bytes;
    Section section;  // none: the bytes are there already
  };
  std::vector<Part> parts_;
};

}  // namespace remapd
