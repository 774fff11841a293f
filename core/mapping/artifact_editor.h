// ArtifactEditor: changes a copy of a fast artifact id by id, without a list of its ids; applies
// deltas.
//
//   ArtifactEditor editor(view);
//   editor.remove(id);  editor.move(id, row);  editor.add(id, row);  // each may return false
//   if (editor.content_hash() == delta.content_hash) bytes = editor.artifact(delta.to);
//
// Known ids stay exact. move() and remove() must be given known ids: another id may change an entry
// with the same fingerprint, which the content hash at the end reveals. Memory: a copy of the
// artifact. Each call is O(1) on average. Not thread safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/mapping/artifact.h"
#include "core/mapping/artifact_assembly.h"

namespace remapd::mapping {

class ArtifactEditor {
 public:
  // `view` must be a fast artifact (checked): compact ones cannot be changed in place.
  explicit ArtifactEditor(const ArtifactView& view);

  // An id that the artifact does not know. False: there is no room for it.
  bool add(Id id, Row row);
  // A known id. False: it was not found.
  bool move(Id id, Row row);
  bool remove(Id id);

  std::uint64_t ids() const { return ids_; }
  std::uint64_t content_hash() const { return content_hash_; }

  // The row of a known id, else none; rarely, of another id, some row.
  std::optional<Row> find(Id id);

  // The changed artifact; `info` must have the same row budget. O(its size).
  Bytes artifact(const MappingInfo& info) const;

 private:
  struct Place {
    std::uint32_t line;
    int entry;
  };

  std::byte* line(std::uint32_t index);
  std::uint32_t line_count() const;
  template <class Line>
  std::optional<Place> find_place(std::uint64_t hash);
  void learn(Id id, Row row);
  void forget(Id id, Row row);

  MappingInfo info_;
  std::uint64_t ids_;
  std::uint64_t content_hash_;
  LineShape shape_;
  std::vector<std::byte> lines_;
  std::map<Id, Row> exceptions_;
};

}  // namespace remapd::mapping
