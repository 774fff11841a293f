#include "connectors/kafka/mapping_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/proto/manifest_codec.h"
#include "core/base/hash.h"
#include "core/base/random.h"
#include "tests/support/publications.h"

namespace remapd::kafka {
namespace {

using mapping::BlobKind;
using test_support::publication_of;

RecordKey chunk_key(std::string table) {
  return {.kind = RecordKind::kChunk,
          .table = std::move(table),
          .version = Version{12},
          .epoch = Epoch{3},
          .blob = BlobKind::kDelta,
          .index = 7};
}

// Part of the format: docs/formats.md "Kafka topics".
TEST(RecordKey, IsWrittenAsDocumented) {
  EXPECT_EQ(to_string({.kind = RecordKind::kClaim, .table = "items"}), "items/claim");
  EXPECT_EQ(to_string({.kind = RecordKind::kManifest,
                       .table = "items",
                       .version = Version{12},
                       .epoch = Epoch{3}}),
            "items/manifest/12/3");
  EXPECT_EQ(to_string(chunk_key("items")), "items/chunk/12/3/delta/7");
  EXPECT_EQ(to_string(chunk_key("a/b %")), "a%2Fb%20%25/chunk/12/3/delta/7");
}

TEST(RecordKey, ComesBackAsItWas) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    RecordKey key = chunk_key("");
    const auto length = 1 + random.below(8);
    for (std::uint64_t c = 0; c < length; ++c) key.table += static_cast<char>(random.next());
    key.kind = static_cast<RecordKind>(random.below(3));
    key.version = Version{random.next()};
    key.epoch = Epoch{random.next()};
    key.blob = static_cast<BlobKind>(random.below(3));
    key.index = static_cast<std::uint32_t>(random.next());
    if (key.kind != RecordKind::kChunk) {
      key.blob = BlobKind::kSnapshot;
      key.index = 0;
    }
    if (key.kind == RecordKind::kClaim) {
      key.version = Version{};
      key.epoch = Epoch{};
    }
    const auto parsed = parse_record_key(to_string(key));
    ASSERT_TRUE(parsed) << to_string(key);
    EXPECT_EQ(*parsed, key);
  }
}

TEST(RecordKey, OtherKeysAreNotOurs) {
  for (const char* text :
       {"", "items", "items/", "items/claim/", "items/claim/1", "items/other/1/2",
        "items/manifest/1", "items/manifest/01/2", "items/manifest/1/2/", "items/manifest/-1/2",
        "items/manifest/1/99999999999999999999", "items/chunk/1/2/delta", "items/chunk/1/2/x/0",
        "items/chunk/1/2/delta/4294967296", "a b/claim", "%2/claim", "%zz/claim", "%61/claim"}) {
    EXPECT_FALSE(parse_record_key(text)) << text;
  }
}

TEST(MappingRecord, BlobsAreCutAndManifestsCountTheChunks) {
  const auto publication = publication_of({.snapshot = std::string(10'000, 'a') + "end"});
  const auto& blob = publication.blobs[0];
  const auto chunks = chunk_records(publication.manifest, BlobKind::kSnapshot, blob, 4096);
  ASSERT_EQ(chunks.size(), 3U);
  std::string together;
  for (std::uint32_t i = 0; i < chunks.size(); ++i) {
    EXPECT_EQ(chunks[i].key.index, i);
    EXPECT_EQ(chunks[i].value->chunk().count(), 3U);
    const std::string value = chunks[i].value->SerializeAsString();
    const auto parsed = parse_record(chunks[i].key, as_bytes(value));
    ASSERT_TRUE(parsed) << parsed.error().message;
    together += parsed->chunk().data();
  }
  EXPECT_EQ(together, as_text(blob));
  EXPECT_EQ(
      chunk_records(publication.manifest, BlobKind::kSnapshot, ByteView(blob).first(8192), 4096)
          .size(),
      2U);
  EXPECT_TRUE(chunk_records(publication.manifest, BlobKind::kSnapshot, {}, 4096).empty());

  const Record manifest = manifest_record(publication.manifest, 4096);
  EXPECT_EQ(manifest.value->manifest().snapshot().chunks(), 3U);
  EXPECT_FALSE(manifest.value->manifest().has_delta());
  const std::string value = manifest.value->SerializeAsString();
  const auto parsed = parse_record(manifest.key, as_bytes(value));
  ASSERT_TRUE(parsed);
  const auto back = proto::from_proto(parsed->manifest());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->content_hash, publication.manifest.content_hash);
}

TEST(MappingRecord, WhatIsNotWhatItsKeySaysIsRefused) {
  const auto publication = publication_of({});
  const auto chunk =
      chunk_records(publication.manifest, BlobKind::kSnapshot, publication.blobs[0], 4096).front();
  const std::string value = chunk.value->SerializeAsString();
  for (const auto change :
       {+[](RecordKey& k) { k.version = Version{9}; }, +[](RecordKey& k) { k.epoch = Epoch{9}; },
        +[](RecordKey& k) { k.table = "users"; }, +[](RecordKey& k) { k.blob = BlobKind::kPlan; },
        +[](RecordKey& k) { k.index = 1; },
        +[](RecordKey& k) { k.kind = RecordKind::kManifest; }}) {
    RecordKey key = chunk.key;
    change(key);
    const auto parsed = parse_record(key, as_bytes(value));
    ASSERT_FALSE(parsed) << to_string(key);
    EXPECT_EQ(parsed.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_TRUE(parse_record(chunk.key, as_bytes(value)));
  EXPECT_FALSE(parse_record(chunk.key, as_bytes("")));
}

TEST(MappingRecord, AnyByteThatIsFlippedInAChunksDataIsFound) {
  const auto publication = publication_of({.snapshot = "0123456789abcdef"});
  const auto chunk =
      chunk_records(publication.manifest, BlobKind::kSnapshot, publication.blobs[0], 4096).front();
  const std::string value = chunk.value->SerializeAsString();
  for (std::size_t i = 0; i < value.size(); ++i) {
    std::string damaged = value;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto parsed = parse_record(chunk.key, as_bytes(damaged));
    if (!parsed) continue;
    EXPECT_EQ(parsed->chunk().data(), "0123456789abcdef") << "byte " << i;
  }
}

}  // namespace
}  // namespace remapd::kafka
