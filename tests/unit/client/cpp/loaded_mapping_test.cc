#include "client/cpp/loaded_mapping.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/mapping/artifact_encoder.h"
#include "tests/unit/client/cpp/version_chain.h"

namespace remapd::client {
namespace {

mapping::BlobPtr snapshot_of(const ChainLink& link) {
  return std::make_shared<mapping::OwnedBlob>(link.publication.blobs[0]);
}

TEST(LoadedMapping, ADeltaLeadsToTheSameLookupsAsTheSnapshot) {
  const auto chain = make_chain(2, 1);
  const auto base =
      LoadedMapping::from_snapshot(chain[0].publication.manifest, snapshot_of(chain[0]));
  ASSERT_TRUE(base) << base.error().message;
  const auto next = LoadedMapping::from_delta(**base, chain[1].publication.manifest,
                                              chain[1].publication.blobs[1]);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ((*next)->version(), Version{2});
  EXPECT_EQ((*next)->ids(), chain[1].mapping.ids.size());
  std::vector<Row> rows(chain[1].mapping.ids.size());
  (*next)->lookup(chain[1].mapping.ids, rows);
  EXPECT_EQ(rows, chain[1].mapping.rows);
}

TEST(LoadedMapping, ADeltaNeedsAVersion) {
  const auto chain = make_chain(2, 2);
  const auto refused =
      LoadedMapping::from_delta(*LoadedMapping::initial(kChainRows, 1),
                                chain[1].publication.manifest, chain[1].publication.blobs[1]);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
}

TEST(LoadedMapping, SecondRowsOfDoubleHashing) {
  ChainLink link;
  link.mapping = mapping::random_mapping(0, kChainRows, 3);
  link.mapping.info.strategy = mapping::Strategy::kDoubleHash;
  link.mapping.info.fallback = {.first_row = 0, .row_count = kChainRows, .ways = 2, .seed = 4};
  link.publication.manifest.info = link.mapping.info;
  link.publication.manifest.content_hash = mapping::content_hash(link.mapping);
  add_blob(link.publication, mapping::BlobKind::kSnapshot, mapping::encode_artifact(link.mapping));
  const auto loaded = LoadedMapping::from_snapshot(link.publication.manifest, snapshot_of(link));
  ASSERT_TRUE(loaded) << loaded.error().message;
  const std::vector<Id> ids{1, 2, 3};
  std::vector<Row> rows(3);
  (*loaded)->lookup_second(ids, rows);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(rows[i], link.mapping.info.fallback.second_row(ids[i]));
  }
}

class MappedFile final : public mapping::Blob {
 public:
  explicit MappedFile(Bytes bytes) : bytes_(std::move(bytes)) {}
  ByteView view() const override { return bytes_; }
  bool is_mapped_file() const override { return true; }

 private:
  Bytes bytes_;
};

TEST(LoadedMapping, OnlyMappedFilesAreCopiedIntoItsOwnMemory) {
  const auto owned = std::make_shared<mapping::OwnedBlob>(Bytes(100, std::byte{1}));
  EXPECT_EQ(LoadedMapping::in_own_memory(owned), owned);
  for (const std::size_t size : {0UL, 100UL, 5UL << 20}) {
    const auto file = std::make_shared<MappedFile>(Bytes(size, std::byte{2}));
    const mapping::BlobPtr copy = LoadedMapping::in_own_memory(file);
    EXPECT_FALSE(copy->is_mapped_file());
    EXPECT_TRUE(std::ranges::equal(copy->view(), file->view()));
  }
}

TEST(LoadedMapping, OfACompactSnapshotTakesNoDelta) {
  auto chain = make_chain(2, 6);
  add_blob(chain[0].publication, mapping::BlobKind::kSnapshot,
           mapping::encode_artifact(chain[0].mapping, mapping::ArtifactKind::kCompact));
  const auto loaded =
      LoadedMapping::from_snapshot(chain[0].publication.manifest, snapshot_of(chain[0]));
  ASSERT_TRUE(loaded) << loaded.error().message;
  std::vector<Row> rows(chain[0].mapping.ids.size());
  (*loaded)->lookup(chain[0].mapping.ids, rows);
  EXPECT_EQ(rows, chain[0].mapping.rows);
  const auto refused = LoadedMapping::from_delta(**loaded, chain[1].publication.manifest,
                                                 chain[1].publication.blobs[1]);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResource);
}

TEST(LoadedMapping, NoticesAFlippedByteAnywhere) {
  const auto chain = make_chain(1, 4, 1, 20);
  for (std::size_t at = 0; at < chain[0].publication.blobs[0].size(); at += 3) {
    Bytes bytes = chain[0].publication.blobs[0];
    bytes[at] ^= std::byte{0x41};
    EXPECT_FALSE(LoadedMapping::from_snapshot(
        chain[0].publication.manifest, std::make_shared<mapping::OwnedBlob>(std::move(bytes))))
        << "byte " << at;
  }
}

}  // namespace
}  // namespace remapd::client
