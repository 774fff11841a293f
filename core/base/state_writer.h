// StateWriter: a large state into bytes, on all threads, so that whoever holds it still meanwhile
// waits as short as can be.
//
// What is to be saved adds sections in the order they are to have. Nothing of them is written
// before write(), which calls them in parallel, each with bytes of its own, and joins no more than
// small ones: the state is copied once. What a section reads must be there, and unchanged, until
// then.
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

  // Called by write(), on any thread. Worth it from some ten thousand bytes on; for sections of
  // millions, reserving what they come to spares copies.
  void add(Section section) { parts_.push_back({{}, std::move(section)}); }
  // For what is small: written at once, behind the last section. Good until the next call.
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
