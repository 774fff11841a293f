#include "connectors/kafka/table_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/publications.h"

namespace remapd::kafka {
namespace {

using Applied = TableHistory::Applied;
using mapping::BlobKind;
using test_support::publication_of;
using test_support::PublicationSpec;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TableHistoryTest : public ::testing::Test {
 protected:
  Applied claim(std::uint64_t epoch, const std::string& instance = "a") {
    return apply(claim_record("items", Epoch{epoch}, instance, 0));
  }
  // The chunks of a version, without its manifest.
  void chunks(const PublicationSpec& spec) {
    const auto publication = publication_of(spec);
    for (const BlobKind kind : {BlobKind::kSnapshot, BlobKind::kDelta}) {
      for (const Record& record :
           chunk_records(publication.manifest, kind,
                         publication.blobs[static_cast<std::size_t>(kind)], 1024)) {
        last = apply(record);
      }
    }
  }
  Applied manifest(const PublicationSpec& spec) {
    return apply(manifest_record(publication_of(spec).manifest, 1024));
  }
  Applied publish(const PublicationSpec& spec) {
    chunks(spec);
    return manifest(spec);
  }
  Applied apply(const Record& record) {
    return history.apply(offset++, record.key, record.value ? &*record.value : nullptr);
  }
  void retire(std::uint32_t retain) {
    for (const RecordKey& key : history.obsolete(retain)) {
      history.apply(offset++, key, nullptr);
    }
  }
  std::vector<std::uint64_t> in_force() const {
    std::vector<std::uint64_t> versions;
    for (const auto& [version, published] : history.versions()) versions.push_back(version.value);
    return versions;
  }
  std::vector<std::string> obsolete(std::uint32_t retain) const {
    std::vector<std::string> keys;
    for (const RecordKey& key : history.obsolete(retain)) keys.push_back(to_string(key));
    return keys;
  }

  TableHistory history{"items"};
  std::int64_t offset = 100;
  Applied last = Applied::kNothing;
};

TEST_F(TableHistoryTest, AVersionIsInForceFromItsManifestOn) {
  claim(1);
  chunks({.version = 1, .snapshot = std::string(2000, 'x')});
  EXPECT_EQ(last, Applied::kChunk);
  EXPECT_THAT(in_force(), IsEmpty());
  EXPECT_EQ(manifest({.version = 1, .snapshot = std::string(2000, 'x')}), Applied::kVersion);
  ASSERT_THAT(in_force(), ElementsAre(1));
  const PublishedVersion& published = history.versions().begin()->second;
  EXPECT_EQ(published.begins, 101);
  EXPECT_EQ(published.offset, 103);
}

TEST_F(TableHistoryTest, TheFirstClaimOfAnEpochHoldsIt) {
  claim(1, "a");
  EXPECT_EQ(claim(1, "b"), Applied::kStale);
  EXPECT_EQ(history.holder(), "a");
  EXPECT_EQ(history.claim_offset(), 100);
  claim(2, "b");
  EXPECT_EQ(history.holder(), "b");
  EXPECT_EQ(history.epoch(), Epoch{2});
  EXPECT_EQ(history.claim_offset(), 102);
}

TEST_F(TableHistoryTest, WhatALowerEpochWritesAfterAClaimIsStale) {
  claim(1);
  publish({.version = 1, .epoch = 1});
  claim(2);
  chunks({.version = 2, .epoch = 1});
  EXPECT_EQ(last, Applied::kStale);
  EXPECT_EQ(manifest({.version = 2, .epoch = 1}), Applied::kStale);
  EXPECT_THAT(in_force(), ElementsAre(1));
  EXPECT_EQ(history.newest(), Version{1}) << "the number is free";
  EXPECT_EQ(publish({.version = 2, .epoch = 2}), Applied::kVersion);
  EXPECT_THAT(obsolete(16), ElementsAre("items/manifest/2/1", "items/chunk/2/1/snapshot/0"));
}

// As a reader sees it who comes when the claim of epoch 2 was replaced by that of epoch 3.
TEST_F(TableHistoryTest, AStaleManifestWhoseSuccessorsClaimIsGoneIsReplaced) {
  claim(1);
  publish({.version = 1, .epoch = 1});
  EXPECT_EQ(publish({.version = 2, .epoch = 1, .snapshot = "stale"}), Applied::kVersion);
  EXPECT_EQ(publish({.version = 2, .epoch = 2, .snapshot = "good"}), Applied::kVersion);
  claim(3);
  ASSERT_THAT(in_force(), ElementsAre(1, 2));
  EXPECT_EQ(history.versions().at(Version{2}).manifest.info.epoch, Epoch{2});
}

TEST_F(TableHistoryTest, VersionsOfOneEpochAscend) {
  claim(1);
  publish({.version = 5});
  EXPECT_EQ(manifest({.version = 4}), Applied::kUnreadable);
  EXPECT_EQ(publish({.version = 5}), Applied::kVersion) << "an attempt made again";
  EXPECT_EQ(publish({.version = 6}), Applied::kVersion);
  EXPECT_EQ(manifest({.version = 5}), Applied::kUnreadable);
  EXPECT_THAT(in_force(), ElementsAre(5, 6));
}

TEST_F(TableHistoryTest, ADamagedManifestsNumberIsUsed) {
  claim(1);
  publish({.version = 1});
  history.apply_damaged(
      {.kind = RecordKind::kManifest, .table = "items", .version = Version{2}, .epoch = Epoch{1}});
  EXPECT_THAT(in_force(), ElementsAre(1));
  EXPECT_EQ(history.newest(), Version{2});
  Record contradictory = manifest_record(publication_of({.version = 3}).manifest, 1024);
  contradictory.value->mutable_manifest()->set_rows(0);
  EXPECT_EQ(apply(contradictory), Applied::kUnreadable);
  EXPECT_EQ(history.newest(), Version{3});
}

TEST_F(TableHistoryTest, ADeletedManifestIsNoLongerInForce) {
  claim(1);
  publish({.version = 1});
  publish({.version = 2});
  history.apply(
      offset++,
      {.kind = RecordKind::kManifest, .table = "items", .version = Version{1}, .epoch = Epoch{1}},
      nullptr);
  EXPECT_THAT(in_force(), ElementsAre(2));
}

TEST_F(TableHistoryTest, RetentionKeepsTheNewestSnapshotAndWhatFollows) {
  claim(1);
  publish({.version = 1});
  publish({.version = 2});
  publish({.version = 3, .snapshot = "", .delta = "d"});
  publish({.version = 4, .snapshot = "", .delta = "d"});
  EXPECT_THAT(obsolete(1), ElementsAre("items/manifest/1/1", "items/chunk/1/1/snapshot/0"));
  EXPECT_THAT(obsolete(3), ElementsAre("items/manifest/1/1", "items/chunk/1/1/snapshot/0"));
  EXPECT_THAT(obsolete(4), IsEmpty());
  retire(1);
  EXPECT_THAT(in_force(), ElementsAre(2, 3, 4));
  EXPECT_THAT(obsolete(1), IsEmpty()) << "what has been deleted is not deleted again";
}

TEST_F(TableHistoryTest, WithoutAnySnapshotNothingIsDeleted) {
  claim(1);
  for (std::uint64_t v = 2; v < 8; ++v) publish({.version = v, .snapshot = "", .delta = "d"});
  EXPECT_THAT(obsolete(1), IsEmpty());
}

TEST_F(TableHistoryTest, AnAttemptUnderWayIsNotDeletedAndOneGivenUpIs) {
  claim(1);
  publish({.version = 1});
  chunks({.version = 2});
  EXPECT_THAT(obsolete(16), IsEmpty());
  claim(2);
  EXPECT_THAT(obsolete(16), ElementsAre("items/chunk/2/1/snapshot/0"));
  retire(16);
  EXPECT_THAT(obsolete(16), IsEmpty());
}

}  // namespace
}  // namespace remapd::kafka
