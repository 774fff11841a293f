#include "core/mapping/delta.h"

#include "core/base/check.h"
#include "core/mapping/artifact_editor.h"
#include "core/mapping/framing.h"
#include "core/mapping/mapping_state.h"

namespace remapd::mapping {
namespace {

constexpr Magic kMagic{'R', 'M', 'P', 'D', 'D', 'E', 'L', 'T'};
constexpr std::uint32_t kFormat = 1;

bool ascending(const std::vector<Id>& ids) {
  for (std::size_t i = 1; i < ids.size(); ++i) {
    if (ids[i - 1] >= ids[i]) return false;
  }
  return true;
}

bool below(const std::vector<Row>& rows, std::uint32_t limit) {
  for (const Row row : rows) {
    if (row.value >= limit) return false;
  }
  return true;
}

tl::unexpected<Error> conflict(const Delta& delta, const std::string& why) {
  return fail(ErrorCode::kConflict, "delta to version " + std::to_string(delta.to.version.value) +
                                        " of table \"" + delta.to.table + "\": " + why);
}

}  // namespace

Delta make_delta(const Mapping& from, const Mapping& to) {
  Delta delta;
  delta.to = to.info;
  delta.ids = to.ids.size();
  delta.content_hash = content_hash(to);
  std::size_t a = 0;
  std::size_t b = 0;
  while (a < from.ids.size() || b < to.ids.size()) {
    if (b == to.ids.size() || (a < from.ids.size() && from.ids[a] < to.ids[b])) {
      delta.removed.push_back(from.ids[a++]);
    } else if (a == from.ids.size() || to.ids[b] < from.ids[a]) {
      delta.added.push_back(to.ids[b]);
      delta.added_rows.push_back(to.rows[b++]);
    } else {
      if (from.rows[a] != to.rows[b]) {
        delta.moved.push_back(to.ids[b]);
        delta.moved_rows.push_back(to.rows[b]);
      }
      ++a;
      ++b;
    }
  }
  return delta;
}

Bytes encode_delta(const Delta& delta) {
  ByteWriter out;
  put_info(delta.to, out);
  out.put(delta.ids);
  out.put(delta.content_hash);
  out.put_vector(delta.added);
  out.put_vector(delta.added_rows);
  out.put_vector(delta.moved);
  out.put_vector(delta.moved_rows);
  out.put_vector(delta.removed);
  return frame(kMagic, kFormat, out.bytes());
}

Result<Delta> decode_delta(ByteView bytes) {
  auto payload = unframe(kMagic, kFormat, bytes, "mapping delta");
  if (!payload) return fail(std::move(payload).error());
  ByteReader in(*payload);
  auto info = get_info(in);
  if (!info) return fail(std::move(info).error().with_context("mapping delta"));
  Delta delta;
  delta.to = std::move(*info);
  delta.ids = in.get<std::uint64_t>();
  delta.content_hash = in.get<std::uint64_t>();
  delta.added = in.get_vector<Id>();
  delta.added_rows = in.get_vector<Row>();
  delta.moved = in.get_vector<Id>();
  delta.moved_rows = in.get_vector<Row>();
  delta.removed = in.get_vector<Id>();
  if (!in.ok() || in.remaining() != 0) {
    return fail(ErrorCode::kCorrupt, "mapping delta: cut short or too long");
  }
  if (delta.added_rows.size() != delta.added.size() ||
      delta.moved_rows.size() != delta.moved.size() || !ascending(delta.added) ||
      !ascending(delta.moved) || !ascending(delta.removed) ||
      !below(delta.added_rows, delta.to.rows) || !below(delta.moved_rows, delta.to.rows)) {
    return fail(ErrorCode::kCorrupt, "mapping delta: contradicts itself");
  }
  return delta;
}

Result<void> apply_delta(ArtifactEditor& editor, const Delta& delta) {
  for (const Id id : delta.removed) {
    if (!editor.remove(id)) return conflict(delta, "an id it removes is not there");
  }
  for (std::size_t i = 0; i < delta.moved.size(); ++i) {
    if (!editor.move(delta.moved[i], delta.moved_rows[i])) {
      return conflict(delta, "an id it moves is not there");
    }
  }
  for (std::size_t i = 0; i < delta.added.size(); ++i) {
    if (!editor.add(delta.added[i], delta.added_rows[i])) {
      return fail(ErrorCode::kResource,
                  "delta: the old artifact has no room for the added ids; take the snapshot");
    }
  }
  if (editor.ids() != delta.ids || editor.content_hash() != delta.content_hash) {
    return conflict(delta, "it does not lead to the content it promises");
  }
  return {};
}

Result<Bytes> apply_delta(const ArtifactView& from, const Delta& delta) {
  if (from.info().table != delta.to.table || from.info().version != delta.to.parent) {
    return conflict(delta, "it applies to version " + std::to_string(delta.to.parent.value) +
                               ", not to version " + std::to_string(from.info().version.value) +
                               " of table \"" + from.info().table + "\"");
  }
  if (from.info().rows != delta.to.rows) {
    return fail(ErrorCode::kResource, "delta: the row budget changed; take the snapshot instead");
  }
  if (from.kind() != ArtifactKind::kFast) {
    return fail(ErrorCode::kResource,
                "delta: a compact artifact cannot be changed; take the snapshot instead");
  }
  ArtifactEditor editor(from);
  return apply_delta(editor, delta).map([&] { return editor.artifact(delta.to); });
}

}  // namespace remapd::mapping
