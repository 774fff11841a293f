// Changing a copy of an artifact id by id, without a list of the ids in it: how a delta is applied.
//
// Known ids stay exact. An id that is added while an entry with its fingerprint stands anywhere on
// its way, or where all lines from its home on are full, goes to the exception list. Lines that
// were full keep sending lookups on after a removal; that costs a little speed until the next
// snapshot and nothing else.
//
// move() and remove() must be given ids that are known: for others they would change whoever has
// the same fingerprint. Callers verify the content hash at the end.
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
  // Of a fast artifact (checked): a compact one cannot be changed, only made anew.
  explicit ArtifactEditor(const ArtifactView& view);

  // An id that the artifact does not know yet. False when its lines are full and there are many
  // exceptions already: the artifact has no room for it.
  bool add(Id id, Row row);
  // A known id. False when it is not to be found.
  bool move(Id id, Row row);
  bool remove(Id id);

  std::uint64_t ids() const { return ids_; }
  std::uint64_t content_hash() const { return content_hash_; }

  // The changed artifact; `info` must have the same row budget.
  Bytes finish(const MappingInfo& info) &&;

 private:
  struct Place {
    std::uint32_t line;
    int entry;
  };

  std::byte* line(std::uint32_t index);
  std::uint32_t line_count() const;
  template <class Line>
  std::optional<Place> find(std::uint64_t hash);
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
