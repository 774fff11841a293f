// ClientsMapping: the newest published version of a table as clients have it, which the next delta
// must fit; and whether that version should come with a snapshot.
//
// Held as an artifact, or, once an increment has been applied, as an editor of one, so that the
// next increment costs what it changes. Not thread safe.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/result.h"
#include "core/mapping/artifact_editor.h"
#include "core/mapping/delta.h"
#include "core/mapping/manifest.h"
#include "core/mapping/published_artifact.h"

namespace remapd::application {

class ClientsMapping {
 public:
  Version version() const { return version_; }  // kNoVersion: not known
  void forget() { *this = {}; }
  // What was published of a version in an earlier life.
  void set(Version version, mapping::PublishedArtifact published);
  // What has just been published; `artifact`, as clients have it, is not read of an increment that
  // has been applied.
  void published(const mapping::Manifest& manifest, mapping::BlobPtr artifact);

  // Null: it cannot be had. O(its size) after an increment.
  mapping::BlobPtr artifact();

  // Becomes the version that `increment` leads to, if every id that changes can be looked up as it
  // says. Else an error, and it is not known any more. O(changes), the first time O(artifact).
  Result<void> apply(const mapping::Delta& increment);

  // Whether a version with a delta of so many bytes should come with a snapshot, so that what a
  // late client reads after a snapshot stays below `share` of it.
  bool snapshot_is_due(std::uint64_t delta_bytes, double share) const;

 private:
  Version version_;
  mapping::MappingInfo info_;  // of editor_
  mapping::BlobPtr artifact_;
  std::unique_ptr<mapping::ArtifactEditor> editor_;  // newer than artifact_
  std::uint64_t snapshot_bytes_ = 0;                 // of the newest snapshot; 0: not known
  std::uint64_t delta_bytes_ = 0;                    // since
};

}  // namespace remapd::application
