// BlobAssembly: a blob put together from its chunks, in whatever order they come.
//
// A chunk that comes twice replaces itself (a publisher that tries again sends the same); one that
// belongs to another cut of the blob (other count) begins the blob anew. Memory: the chunks.
// Not thread safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "connectors/proto/mapping.pb.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/mapping/manifest.h"

namespace remapd::kafka {

class BlobAssembly {
 public:
  // A chunk that parse_record() has checked.
  void add(v1::Chunk&& chunk);

  // All chunks are there.
  bool complete() const { return !pieces_.empty() && pieces_.size() == count_; }

  // The blob, verified against what the manifest says; the assembly is empty then. kNotFound:
  // chunks are missing (the message says which is the first); kCorrupt: it is another blob.
  Result<Bytes> take(const mapping::BlobInfo& info);

 private:
  std::uint32_t count_ = 0;
  std::map<std::uint32_t, std::string> pieces_;  // by index
};

}  // namespace remapd::kafka
