#include "core/mapping/manifest.h"

#include <gtest/gtest.h>

namespace remapd::mapping {
namespace {

// They name files, keys and JSON members.
TEST(Manifest, NamesItsBlobs) {
  EXPECT_EQ(to_string(BlobKind::kSnapshot), "snapshot");
  EXPECT_EQ(to_string(BlobKind::kDelta), "delta");
  EXPECT_EQ(to_string(BlobKind::kPlan), "plan");
}

TEST(Manifest, FindsBlobsByKind) {
  Manifest manifest;
  manifest.blobs[1] = BlobInfo{.size = 7, .checksum = 9};
  EXPECT_FALSE(manifest.blob(BlobKind::kSnapshot));
  ASSERT_TRUE(manifest.blob(BlobKind::kDelta));
  EXPECT_EQ(manifest.blob(BlobKind::kDelta)->size, 7U);
  EXPECT_FALSE(manifest.blob(BlobKind::kPlan));
}

TEST(OwnedBlob, ShowsItsBytes) {
  const OwnedBlob blob(Bytes{std::byte{1}, std::byte{2}});
  ASSERT_EQ(blob.view().size(), 2U);
  EXPECT_EQ(blob.view()[1], std::byte{2});
}

}  // namespace
}  // namespace remapd::mapping
