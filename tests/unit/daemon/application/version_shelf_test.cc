#include "daemon/application/version_shelf.h"

#include <gtest/gtest.h>

#include "core/base/hash.h"

namespace remapd::application {
namespace {

mapping::BlobPtr blob(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return std::make_shared<mapping::OwnedBlob>(Bytes(bytes.begin(), bytes.end()));
}

KeptVersionPtr kept(std::uint64_t version, std::string_view artifact = "artifact") {
  mapping::Manifest manifest;
  manifest.info.version = Version{version};
  return make_kept_version(manifest, blob(artifact), nullptr, nullptr);
}

VersionRecord record(const std::string& table, std::uint64_t version) {
  VersionRecord out;
  out.table = table;
  out.version = Version{version};
  return out;
}

std::uint64_t newest(const VersionShelf& shelf) {
  const auto found = shelf.find("item", std::nullopt);
  return found ? found->manifest.info.version.value : 0;
}

TEST(VersionShelf, KeepsTheNewestVersions) {
  VersionShelf shelf(2);
  EXPECT_EQ(shelf.find("item", std::nullopt), nullptr);
  for (std::uint64_t v = 1; v <= 3; ++v) shelf.add(record("item", v), kept(v));
  EXPECT_EQ(newest(shelf), 3U);
  EXPECT_EQ(shelf.find("item", Version{1}), nullptr);
  EXPECT_NE(shelf.find("item", Version{2}), nullptr);
  EXPECT_EQ(shelf.find("user", Version{2}), nullptr);
  shelf.add(record("item", 4), nullptr);  // refused
  EXPECT_EQ(newest(shelf), 3U);
}

TEST(VersionShelf, AVersionTakesThePlaceOfThoseItReplaces) {
  VersionShelf shelf(3);
  for (std::uint64_t v = 1; v <= 3; ++v) shelf.add(record("item", v), kept(v));
  shelf.add(record("item", 2), kept(2, "other"));
  EXPECT_EQ(newest(shelf), 2U);
  EXPECT_EQ(as_text(shelf.find("item", Version{2})->blob(mapping::BlobKind::kSnapshot)->view()),
            "other");
}

TEST(VersionShelf, RemembersWhatWasBuiltInOrder) {
  VersionShelf shelf(1);
  shelf.add(record("user", 1), nullptr);
  shelf.add(record("item", 1), nullptr);
  shelf.add(record("user", 2), nullptr);
  const auto users = shelf.records("user");
  ASSERT_EQ(users.size(), 2U);
  EXPECT_EQ(users[0].version, Version{2});  // newest first
  EXPECT_TRUE(shelf.records("category").empty());
  const auto since = shelf.records_since(1);
  ASSERT_EQ(since.size(), 2U);
  EXPECT_EQ(since[0].table, "item");
  EXPECT_EQ(since[1].sequence, shelf.last_sequence());
  EXPECT_TRUE(shelf.records_since(3).empty());
}

TEST(VersionShelf, ForgetsTheOldest) {
  VersionShelf shelf(1);
  for (std::uint64_t v = 1; v <= VersionShelf::kRemembered + 5; ++v) {
    shelf.add(record("item", v), nullptr);
  }
  const auto records = shelf.records("item");
  ASSERT_EQ(records.size(), VersionShelf::kRemembered);
  EXPECT_EQ(records.back().version, Version{6});
}

TEST(KeptVersion, ItsManifestNamesWhatIsThere) {
  mapping::Manifest published;  // a delta and a plan
  published.blobs[1] = mapping::BlobInfo{5, checksum(as_bytes("delta"))};
  published.blobs[2] = mapping::BlobInfo{4, checksum(as_bytes("plan"))};
  const auto version = make_kept_version(published, blob("artifact"), blob("delta"), nullptr);
  const auto& snapshot = version->manifest.blob(mapping::BlobKind::kSnapshot);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->size, 8U);
  EXPECT_EQ(snapshot->checksum, checksum(as_bytes("artifact")));
  EXPECT_TRUE(version->manifest.blob(mapping::BlobKind::kDelta));
  EXPECT_FALSE(version->manifest.blob(mapping::BlobKind::kPlan));
}

}  // namespace
}  // namespace remapd::application
