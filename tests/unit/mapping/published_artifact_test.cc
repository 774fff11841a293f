#include "core/mapping/published_artifact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "tests/support/memory_sink.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
namespace {

using testing::HasSubstr;

// Versions 1 .. n of one table; a few ids move from each to the next.
class PublishedArtifact : public testing::Test {
 protected:
  void publish(bool with_snapshot, bool with_delta) {
    Mapping next = versions_.empty() ? random_mapping(500, 40, 1) : versions_.back();
    next.info.version = Version{versions_.size() + 1};
    next.info.parent = Version{versions_.size()};
    for (std::size_t i = versions_.size(); i < next.rows.size(); i += 50) {
      next.rows[i] = Row{(next.rows[i].value + 1) % 40};
    }
    Publication publication;
    publication.manifest.info = next.info;
    if (with_snapshot) publication.blobs[0] = encode_artifact(next);
    if (with_delta) publication.blobs[1] = encode_delta(make_delta(versions_.back(), next));
    ASSERT_TRUE(sink_.publish(publication));
    versions_.push_back(next);
  }
  void expect_found(std::uint64_t version) {
    const Mapping& expected = versions_[version - 1];
    const auto artifact = published_artifact(sink_, "items", Version{version});
    ASSERT_TRUE(artifact) << artifact.error().message;
    const auto view = ArtifactView::open((*artifact)->view(), Verify::kAll);
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->info(), expected.info);
    EXPECT_EQ(view->content_hash(), content_hash(expected));
    for (const Id id : expected.ids) ASSERT_EQ(view->lookup(id), expected.lookup(id));
  }

  test_support::MemorySink sink_;
  std::vector<Mapping> versions_;
};

TEST_F(PublishedArtifact, IsTheSnapshotWhereThereIsOne) {
  publish(true, false);
  publish(true, true);
  expect_found(1);
  expect_found(2);
}

// A table whose versions have just become compact.
TEST_F(PublishedArtifact, IsTheSnapshotOfWhateverKind) {
  publish(true, false);
  Publication publication;
  Mapping next = versions_[0];
  next.info.version = Version{2};
  next.info.parent = Version{1};
  publication.manifest.info = next.info;
  publication.blobs[0] = encode_artifact(next, ArtifactKind::kCompact);
  ASSERT_TRUE(sink_.publish(publication));
  versions_.push_back(next);
  expect_found(2);
}

TEST_F(PublishedArtifact, FollowsDeltasFromTheSnapshotBefore) {
  publish(true, false);
  publish(true, true);
  for (int i = 0; i < 3; ++i) publish(false, true);
  for (const std::uint64_t version : {3, 4, 5}) expect_found(version);
}

TEST_F(PublishedArtifact, NeedsEveryVersionInBetween) {
  publish(true, false);
  publish(false, false);
  publish(false, true);
  const auto artifact = published_artifact(sink_, "items", Version{3});
  ASSERT_FALSE(artifact);
  EXPECT_EQ(artifact.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(artifact.error().message, HasSubstr("version 3 of table items: "));
  EXPECT_EQ(published_artifact(sink_, "items", Version{9}).error().code, ErrorCode::kNotFound);
}

TEST_F(PublishedArtifact, ADamagedDeltaIsAnError) {
  publish(true, false);
  Publication publication;
  publication.manifest.info = versions_[0].info;
  publication.manifest.info.version = Version{2};
  publication.blobs[1] = Bytes(30, std::byte{1});
  ASSERT_TRUE(sink_.publish(publication));
  EXPECT_EQ(published_artifact(sink_, "items", Version{2}).error().code, ErrorCode::kCorrupt);
}

// A chain that runs in a circle must not be followed for ever.
TEST_F(PublishedArtifact, ADeltaOfAnotherVersionIsAnError) {
  publish(true, false);
  publish(false, true);
  Publication publication;
  publication.manifest.info = versions_[0].info;
  publication.manifest.info.version = Version{3};
  publication.blobs[1] = encode_delta(make_delta(versions_[0], versions_[1]));
  ASSERT_TRUE(sink_.publish(publication));
  const auto artifact = published_artifact(sink_, "items", Version{3});
  ASSERT_FALSE(artifact);
  EXPECT_EQ(artifact.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace remapd::mapping
