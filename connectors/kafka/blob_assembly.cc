#include "connectors/kafka/blob_assembly.h"

#include <utility>

#include <fmt/format.h>

#include "core/base/hash.h"
#include "core/base/huge_pages.h"

namespace remapd::kafka {

void BlobAssembly::add(v1::Chunk&& chunk) {
  if (chunk.count() != count_) {
    pieces_.clear();
    count_ = chunk.count();
  }
  pieces_.insert_or_assign(chunk.index(), std::move(*chunk.mutable_data()));
}

Result<Bytes> BlobAssembly::take(const mapping::BlobInfo& info) {
  if (!complete() && info.size > 0) {
    std::uint32_t missing = 0;
    while (pieces_.contains(missing)) ++missing;
    return fail(ErrorCode::kNotFound,
                fmt::format("{} of {} chunks are there, the first missing one is {}",
                            pieces_.size(), count_, missing));
  }
  std::uint64_t size = 0;
  for (const auto& [index, piece] : pieces_) size += piece.size();
  if (size != info.size) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("its chunks have {} bytes, the manifest says {}", size, info.size));
  }
  Bytes blob;
  blob.reserve(size);
  advise_huge_pages(blob.data(), blob.capacity());
  while (!pieces_.empty()) {  // never the whole of both in memory
    const ByteView piece = as_bytes(pieces_.begin()->second);
    blob.insert(blob.end(), piece.begin(), piece.end());
    pieces_.erase(pieces_.begin());
  }
  count_ = 0;
  if (checksum(blob) != info.checksum) {
    return fail(ErrorCode::kCorrupt, "its bytes do not match the manifest's checksum");
  }
  return blob;
}

}  // namespace remapd::kafka
