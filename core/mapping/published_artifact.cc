#include "core/mapping/published_artifact.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/mapping/artifact.h"
#include "core/mapping/delta.h"

namespace remapd::mapping {
namespace {

Result<BlobPtr> apply(const Blob& base, const Delta& delta) {
  const auto view = ArtifactView::open(base.view(), Verify::kAll);
  if (!view) return fail(view.error());
  auto bytes = apply_delta(*view, delta);
  if (!bytes) return fail(std::move(bytes).error());
  return std::make_shared<OwnedBlob>(std::move(*bytes));
}

}  // namespace

Result<PublishedArtifact> read_published(MappingSink& sink, std::string_view table,
                                         Version version) {
  PublishedArtifact out;
  const std::string context =
      "version " + std::to_string(version.value) + " of table " + std::string(table);
  std::vector<Delta> deltas;  // newest first
  auto artifact = sink.snapshot(table, version);
  for (Version at = version; !artifact && artifact.error().code == ErrorCode::kNotFound;) {
    const auto blob = sink.delta(table, at);
    if (!blob) return fail(Error(blob.error()).with_context(context));
    auto delta = decode_delta((*blob)->view());
    if (!delta) return fail(std::move(delta).error().with_context(context));
    if (delta->to.version != at || delta->to.parent >= at) {
      return fail(ErrorCode::kCorrupt, context + ": the delta to version " +
                                           std::to_string(at.value) + " is of another version");
    }
    at = delta->to.parent;
    out.delta_bytes += (*blob)->view().size();
    deltas.push_back(std::move(*delta));
    artifact = sink.snapshot(table, at);
  }
  if (artifact) out.snapshot_bytes = (*artifact)->view().size();
  while (artifact && !deltas.empty()) {
    artifact = apply(**artifact, deltas.back());
    deltas.pop_back();
  }
  if (!artifact) return fail(std::move(artifact).error().with_context(context));
  out.artifact = std::move(*artifact);
  return out;
}

Result<BlobPtr> published_artifact(MappingSink& sink, std::string_view table, Version version) {
  return read_published(sink, table, version).map([](PublishedArtifact&& found) {
    return std::move(found.artifact);
  });
}

}  // namespace remapd::mapping
