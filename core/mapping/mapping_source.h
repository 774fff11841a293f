// Port: where a trainer's client gets mapping versions from (Kafka topic, directory, HTTP).
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mapping/manifest.h"

namespace remapd::mapping {

// One caller at a time, usually the client's background thread.
class MappingSource {
 public:
  virtual ~MappingSource() = default;

  // Manifests of the table that have appeared since the last call, oldest first, waiting at most
  // `timeout` for the first. The first call reports what already exists, from the newest version
  // that has a snapshot onwards. Manifests of stale epochs are left out.
  virtual Result<std::vector<Manifest>> poll(std::chrono::milliseconds timeout) = 0;

  // One blob of a version, verified against the manifest's size and checksum. kNotFound when the
  // publisher has removed it; kCorrupt when the bytes are not those the manifest names.
  virtual Result<BlobPtr> fetch(const Manifest& manifest, BlobKind kind) = 0;

  // Whether poll() has told, by now, of all that had been published when it was first called.
  virtual bool caught_up() const { return true; }

  // What was wrong with what poll() last left out, or why there is nothing, in words; empty:
  // nothing yet.
  virtual std::string_view last_problem() const { return {}; }
};

// "no table "itm" in WHERE; there are "item", "user"".
std::string no_such_table(std::string_view where, std::string_view table,
                          const std::set<std::string>& others);

}  // namespace remapd::mapping
