// Port: where mapping versions go. Implemented by the Kafka and the directory publisher.
#pragma once

#include <optional>
#include <string_view>

#include "core/base/result.h"
#include "core/mapping/manifest.h"

namespace remapd::mapping {

// What a publisher finds when it takes a table over.
struct Tenure {
  Epoch epoch;                   // of take_over(): this instance's, higher than any before
  std::optional<Manifest> last;  // the newest version that can be read, if any
  // The highest version number in use, also where that version is damaged: the next one published
  // must be higher.
  Version newest{};
};

// Not thread safe: one caller at a time. publish() may block for as long as the outside world does.
class MappingSink {
 public:
  virtual ~MappingSink() = default;

  // What take_over() would find, with the epoch of whoever holds the table now; claims nothing.
  // Fails where take_over() would, as far as that can be known without writing.
  virtual Result<Tenure> examine(std::string_view table) = 0;

  // Takes the table over: reads the newest manifest and claims the next epoch under `instance`.
  virtual Result<Tenure> take_over(std::string_view table, std::string_view instance) = 0;

  // Publishes whole or not at all: blobs first, manifest last, durable on return. kConflict when an
  // instance with a higher epoch has taken the table over: the caller must stop publishing it.
  virtual Result<void> publish(const Publication& publication) = 0;

  // A published version's snapshot artifact, or its delta from its parent, for restoring the
  // incumbent and for rolling back (published_artifact.h). kNotFound: it has none, or was removed.
  virtual Result<BlobPtr> snapshot(std::string_view table, Version version) = 0;
  virtual Result<BlobPtr> delta(std::string_view table, Version version) = 0;
};

}  // namespace remapd::mapping
