// Publications for tests of sinks and sources: manifests that hold together, blobs of any content.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/hash.h"
#include "core/mapping/manifest.h"

namespace remapd::test_support {

struct PublicationSpec {
  std::string table = "items";
  std::uint64_t version = 1;
  std::uint64_t epoch = 1;
  std::string snapshot = "a snapshot";  // empty: the version has none; the same for the others
  std::string delta{};
  std::string plan{};
};

inline mapping::Publication publication_of(const PublicationSpec& spec) {
  mapping::Publication publication;
  mapping::Manifest& manifest = publication.manifest;
  manifest.info.table = spec.table;
  manifest.info.version = Version{spec.version};
  manifest.info.parent = Version{spec.version - 1};
  manifest.info.epoch = Epoch{spec.epoch};
  manifest.info.rows = 100;
  manifest.info.dedicated_rows = 40;
  manifest.info.fallback = {.first_row = 40, .row_count = 60, .ways = 1, .seed = 7};
  manifest.info.built_ms = 1'700'000'000'000;
  manifest.stats.ids = 1'000;
  manifest.instance = "tester";
  manifest.ids = 1'000;
  manifest.content_hash = mix64(spec.version);
  const auto add = [&](mapping::BlobKind kind, std::string_view content) {
    if (content.empty()) return;
    const ByteView bytes = as_bytes(content);
    const auto k = static_cast<std::size_t>(kind);
    publication.blobs[k].assign(bytes.begin(), bytes.end());
    manifest.blobs[k] = mapping::BlobInfo{.size = bytes.size(), .checksum = checksum(bytes)};
  };
  add(mapping::BlobKind::kSnapshot, spec.snapshot);
  add(mapping::BlobKind::kDelta, spec.delta);
  add(mapping::BlobKind::kPlan, spec.plan);
  return publication;
}

}  // namespace remapd::test_support
