#include "client/cpp/loaded_mapping.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/huge_array.h"
#include "core/mapping/delta.h"
#include "core/mapping/fallback.h"

namespace remapd::client {
namespace {

// In pages of its own, huge ones where there are any, so that no line of an artifact lies in two of
// the processor's.
class PagedBlob final : public mapping::Blob {
 public:
  explicit PagedBlob(ByteView from) : bytes_(from.size()) {
    std::copy(from.begin(), from.end(), bytes_.data());
  }
  ByteView view() const override { return bytes_.span(); }

 private:
  HugeArray<std::byte> bytes_;
};

mapping::BlobPtr in_whole_lines(mapping::BlobPtr blob) {
  constexpr std::uintptr_t kLine = 64;
  if (reinterpret_cast<std::uintptr_t>(blob->view().data()) % kLine == 0) return blob;
  return std::make_shared<PagedBlob>(blob->view());
}

}  // namespace

LoadedMappingPtr LoadedMapping::initial(std::uint32_t rows, std::uint64_t seed) {
  std::shared_ptr<LoadedMapping> loaded(new LoadedMapping);
  loaded->rows_ = rows;
  loaded->initial_ = mapping::initial_fallback(rows, seed);
  return loaded;
}

mapping::BlobPtr LoadedMapping::in_own_memory(mapping::BlobPtr snapshot) {
  if (!snapshot->is_mapped_file()) return snapshot;
  return std::make_shared<PagedBlob>(snapshot->view());
}

Result<LoadedMappingPtr> LoadedMapping::from_snapshot(const mapping::Manifest& manifest,
                                                      mapping::BlobPtr snapshot) {
  snapshot = in_whole_lines(std::move(snapshot));
  auto artifact = mapping::ArtifactView::open(snapshot->view(), mapping::Verify::kAll);
  if (!artifact) return fail(std::move(artifact).error());
  if (artifact->info() != manifest.info || artifact->ids() != manifest.ids ||
      artifact->content_hash() != manifest.content_hash) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("the artifact is of version {} of table \"{}\" with {} ids; it is not "
                            "what the manifest of version {} announces",
                            artifact->info().version.value, artifact->info().table, artifact->ids(),
                            manifest.info.version.value));
  }
  std::shared_ptr<LoadedMapping> loaded(new LoadedMapping);
  loaded->version_ = manifest.info.version;
  loaded->rows_ = manifest.info.rows;
  loaded->bytes_ = std::move(snapshot);
  loaded->artifact_ = std::move(*artifact);
  return loaded;
}

Result<LoadedMappingPtr> LoadedMapping::from_delta(const LoadedMapping& base,
                                                   const mapping::Manifest& manifest,
                                                   ByteView delta_bytes) {
  if (!base.artifact_) {
    return fail(ErrorCode::kConflict, "a delta needs a version to apply to; there is none yet");
  }
  auto delta = mapping::decode_delta(delta_bytes);
  if (!delta) return fail(std::move(delta).error());
  auto bytes = mapping::apply_delta(*base.artifact_, *delta);
  if (!bytes) return fail(std::move(bytes).error());
  return from_snapshot(manifest, std::make_shared<mapping::OwnedBlob>(std::move(*bytes)));
}

void LoadedMapping::lookup(std::span<const Id> ids, std::span<Row> rows) const {
  REMAPD_CHECK(ids.size() == rows.size(), "a lookup has one row for each id");
  if (artifact_) {
    artifact_->lookup(ids, rows);
    return;
  }
  if (!looked_up()) looked_up_.store(true, std::memory_order_relaxed);
  std::transform(ids.begin(), ids.end(), rows.begin(), [&](Id id) { return initial_.row(id); });
}

void LoadedMapping::lookup_second(std::span<const Id> ids, std::span<Row> rows) const {
  REMAPD_CHECK(ids.size() == rows.size(), "a lookup has one row for each id");
  if (artifact_ && artifact_->info().fallback.ways == 2) {
    artifact_->lookup_second(ids, rows);
  } else {
    std::fill(rows.begin(), rows.end(), kNoRow);
  }
}

}  // namespace remapd::client
