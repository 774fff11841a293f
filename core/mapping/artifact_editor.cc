// An id is added as an exception when an entry with its fingerprint stands on its way from its home
// line, or when all lines from there on are full. Lines that were full keep sending lookups on
// after a removal, which only costs speed until the next snapshot.
#include "core/mapping/artifact_editor.h"

#include "core/base/check.h"
#include "core/base/huge_pages.h"
#include "core/mapping/artifact_format.h"

namespace remapd::mapping {

namespace {

// How many ids are held as exceptions before an artifact counts as full.
constexpr std::size_t kExceptionRoom = 16;
constexpr std::size_t kIdsPerException = 100;

}  // namespace

using namespace format;  // NOLINT(google-build-using-namespace): this file implements the format

ArtifactEditor::ArtifactEditor(const ArtifactView& view)
    : info_(view.info_), ids_(view.ids_), content_hash_(view.content_hash_) {
  REMAPD_CHECK(view.kind() == ArtifactKind::kFast, "a compact artifact cannot be changed");
  const auto& table = std::get<LineTable>(view.table_);
  shape_ = table.shape();
  lines_.assign(table.line(0), table.line(shape_.lines));
  for (std::uint64_t i = 0; i < shape_.exceptions; ++i) {
    exceptions_.emplace(table.exception_id(i), table.exception_row(i));
  }
}

std::byte* ArtifactEditor::line(std::uint32_t index) {
  return lines_.data() + std::size_t{index} * kLineBytes;
}

std::uint32_t ArtifactEditor::line_count() const {
  return static_cast<std::uint32_t>(lines_.size() / kLineBytes);
}

template <class Line>
std::optional<ArtifactEditor::Place> ArtifactEditor::find_place(std::uint64_t hash) {
  const Line access(hash, shape_.row_bits);
  for (std::uint32_t l = reduce(hash, shape_.home_lines); l < line_count(); ++l) {
    if (const int i = access.find(line(l)); i >= 0) return Place{l, i};
    if ((flags(line(l)) & kOverflow) == 0) break;
  }
  return std::nullopt;
}

bool ArtifactEditor::add(Id id, Row row) {
  const std::uint64_t hash = mix64(id);
  const std::uint32_t home = reduce(hash, shape_.home_lines);
  return with_line(shape_.layout, [&]<class Line>() {
    const auto except = [&] {
      exceptions_.emplace(id, row);
      set_flags(line(home), flags(line(home)) | kExceptions);
      learn(id, row);
      return true;
    };
    if (find_place<Line>(hash)) return except();
    for (std::uint32_t l = home; l < line_count(); ++l) {
      std::byte* at = line(l);
      const std::uint32_t f = flags(at);
      const std::uint32_t count = f & kCountMask;
      if (count < Line::kSlots) {
        Line(hash, shape_.row_bits).put(at, static_cast<int>(count), row);
        set_flags(at, f + 1);
        learn(id, row);
        return true;
      }
      set_flags(at, f | kOverflow);
    }
    // All lines up to the last are full; there are few for a home line near the end.
    const bool few = exceptions_.size() < kExceptionRoom + ids_ / kIdsPerException;
    return few && except();
  });
}

bool ArtifactEditor::move(Id id, Row row) {
  if (const auto e = exceptions_.find(id); e != exceptions_.end()) {
    forget(id, e->second);
    e->second = row;
    learn(id, row);
    return true;
  }
  const std::uint64_t hash = mix64(id);
  return with_line(shape_.layout, [&]<class Line>() {
    const auto place = find_place<Line>(hash);
    if (!place) return false;
    const Line access(hash, shape_.row_bits);
    forget(id, access.row(line(place->line), place->entry));
    access.put(line(place->line), place->entry, row);
    learn(id, row);
    return true;
  });
}

bool ArtifactEditor::remove(Id id) {
  if (const auto e = exceptions_.find(id); e != exceptions_.end()) {
    forget(id, e->second);
    exceptions_.erase(e);
    return true;
  }
  const std::uint64_t hash = mix64(id);
  return with_line(shape_.layout, [&]<class Line>() {
    const auto place = find_place<Line>(hash);
    if (!place) return false;
    std::byte* at = line(place->line);
    forget(id, Line(hash, shape_.row_bits).row(at, place->entry));
    const std::uint32_t f = flags(at);
    // A line that claims more entries than it has room for is full.
    const std::uint32_t last = std::min(f & kCountMask, Line::kSlots) - 1;
    Line::erase(at, place->entry, static_cast<int>(last));
    set_flags(at, (f & ~kCountMask) | last);
    return true;
  });
}

std::optional<Row> ArtifactEditor::find(Id id) {
  if (const auto e = exceptions_.find(id); e != exceptions_.end()) return e->second;
  const std::uint64_t hash = mix64(id);
  return with_line(shape_.layout, [&]<class Line>() -> std::optional<Row> {
    const auto place = find_place<Line>(hash);
    if (!place) return std::nullopt;
    return Line(hash, shape_.row_bits).row(line(place->line), place->entry);
  });
}

Bytes ArtifactEditor::artifact(const MappingInfo& info) const {
  REMAPD_CHECK(info.rows == info_.rows, "a delta keeps the row budget");
  std::vector<Exception> exceptions;
  for (const auto& [id, row] : exceptions_) exceptions.push_back({id, row});
  Bytes bytes;
  bytes.reserve(header_bytes(info) + lines_.size() +
                exceptions.size() * (sizeof(Id) + sizeof(Row)));
  advise_huge_pages(bytes.data(), bytes.capacity());
  bytes.resize(header_bytes(info));
  bytes.insert(bytes.end(), lines_.begin(), lines_.end());
  return assemble_lines({.info = info, .ids = ids_, .content_hash = content_hash_, .shape = shape_},
                        std::move(bytes), std::move(exceptions));
}

void ArtifactEditor::learn(Id id, Row row) {
  content_hash_ += content_term(id, row);
  ++ids_;
}

void ArtifactEditor::forget(Id id, Row row) {
  content_hash_ -= content_term(id, row);
  --ids_;
}

}  // namespace remapd::mapping
