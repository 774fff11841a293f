#include "core/mapping/delta.h"

#include <gtest/gtest.h>

#include "core/mapping/artifact_encoder.h"
#include "tests/support/golden.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
namespace {

// A successor that drops, moves and adds ids.
Mapping successor(const Mapping& from, std::size_t added, std::uint64_t seed) {
  Random random(seed);
  Mapping to;
  to.info = from.info;
  to.info.parent = from.info.version;
  to.info.version = Version{from.info.version.value + 1};
  std::vector<std::pair<Id, Row>> pairs;
  for (std::size_t i = 0; i < from.ids.size(); ++i) {
    const std::uint64_t fate = random.below(10);
    if (fate == 0) continue;
    const Row row =
        fate == 1 ? Row{static_cast<std::uint32_t>(random.below(from.info.rows))} : from.rows[i];
    pairs.emplace_back(from.ids[i], row);
  }
  for (std::size_t i = 0; i < added; ++i) {
    pairs.emplace_back(random.next(),
                       Row{static_cast<std::uint32_t>(random.below(from.info.rows))});
  }
  std::sort(pairs.begin(), pairs.end());
  for (const auto& [id, row] : pairs) {
    to.ids.push_back(id);
    to.rows.push_back(row);
  }
  return to;
}

void expect_equal_lookups(const Mapping& mapping, const Bytes& bytes) {
  const auto view = ArtifactView::open(bytes, Verify::kAll);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->info(), mapping.info);
  EXPECT_EQ(view->content_hash(), content_hash(mapping));
  std::vector<Row> rows(mapping.ids.size());
  view->lookup(mapping.ids, rows);
  EXPECT_EQ(rows, mapping.rows);
}

TEST(Delta, LeadsToTheSameLookupsAsTheSnapshotOverManyVersions) {
  for (const std::uint32_t rows : {1000U, 20'000'000U}) {  // narrow and wide lines
    Mapping mapping = random_mapping(5000, rows, 1);
    Bytes artifact = encode_artifact(mapping);
    for (std::uint64_t v = 0; v < 10; ++v) {
      const Mapping next = successor(mapping, 500, 100 + v);
      const auto delta = decode_delta(encode_delta(make_delta(mapping, next)));
      ASSERT_TRUE(delta) << delta.error().message;
      const auto view = ArtifactView::open(artifact, Verify::kAll);
      auto applied = apply_delta(*view, *delta);
      ASSERT_TRUE(applied) << applied.error().message;
      expect_equal_lookups(next, *applied);
      artifact = std::move(*applied);
      mapping = next;
    }
  }
}

// Ids that share line and fingerprint come and go in every order.
TEST(Delta, KeepsCollidingIdsExact) {
  std::vector<Id> colliding;
  for (std::uint64_t i = 0; i < 40; ++i) {
    colliding.push_back(unmix64(0x1234567800000000ULL + (i << 38)));
  }
  std::sort(colliding.begin(), colliding.end());
  Random random(3);
  Mapping mapping = random_mapping(0, 1000, 2);
  Bytes artifact = encode_artifact(mapping);
  for (std::uint64_t v = 0; v < 200; ++v) {
    Mapping next;
    next.info = mapping.info;
    next.info.parent = mapping.info.version;
    next.info.version = Version{mapping.info.version.value + 1};
    for (const Id id : colliding) {
      if (random.below(2) == 0) continue;
      next.ids.push_back(id);
      next.rows.push_back(Row{static_cast<std::uint32_t>(random.below(1000))});
    }
    const auto view = ArtifactView::open(artifact, Verify::kAll);
    auto applied = apply_delta(*view, make_delta(mapping, next));
    ASSERT_TRUE(applied) << applied.error().message;
    expect_equal_lookups(next, *applied);
    artifact = std::move(*applied);
    mapping = std::move(next);
  }
}

TEST(Delta, IsRefusedForAnotherVersion) {
  const Mapping first = random_mapping(100, 50, 4);
  const Mapping second = successor(first, 5, 5);
  const Mapping third = successor(second, 5, 6);
  const Bytes artifact = encode_artifact(first);
  const auto view = ArtifactView::open(artifact, Verify::kAll);
  const auto applied = apply_delta(*view, make_delta(second, third));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kConflict);
}

TEST(Delta, IsRefusedWhenItLeadsElsewhere) {
  const Mapping first = random_mapping(100, 50, 7);
  const Mapping second = successor(first, 5, 8);
  const Bytes artifact = encode_artifact(first);
  const auto view = ArtifactView::open(artifact, Verify::kAll);
  Delta delta = make_delta(first, second);
  ASSERT_FALSE(delta.added_rows.empty());
  delta.added_rows[0] = Row{(delta.added_rows[0].value + 1) % 50};
  const auto applied = apply_delta(*view, delta);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kConflict);
}

TEST(Delta, IsRefusedForACompactArtifact) {
  const Mapping first = random_mapping(100, 50, 7);
  const Bytes artifact = encode_artifact(first, ArtifactKind::kCompact);
  const auto view = ArtifactView::open(artifact, Verify::kAll);
  const auto applied = apply_delta(*view, make_delta(first, successor(first, 5, 8)));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kResource);
}

// Ids whose home is among the last lines have nowhere to spill to.
TEST(Delta, OfAFewIdsAlwaysFits) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Mapping first = random_mapping(1'000, 50, seed);
    const Mapping second = successor(first, 60, 100 + seed);
    const Bytes artifact = encode_artifact(first);
    const auto view = ArtifactView::open(artifact, Verify::kAll);
    const auto applied = apply_delta(*view, make_delta(first, second));
    ASSERT_TRUE(applied) << "seed " << seed << ": " << applied.error().message;
    const auto result = ArtifactView::open(*applied, Verify::kAll);
    ASSERT_TRUE(result);
    for (std::size_t i = 0; i < second.ids.size(); ++i) {
      ASSERT_EQ(result->lookup(second.ids[i]), second.rows[i]) << "seed " << seed;
    }
  }
}

TEST(Delta, AsksForASnapshotWhenThereIsNoRoom) {
  const Mapping first = random_mapping(100, 50, 9);
  const Mapping second = successor(first, 5000, 10);
  const Bytes artifact = encode_artifact(first);
  const auto view = ArtifactView::open(artifact, Verify::kAll);
  const auto applied = apply_delta(*view, make_delta(first, second));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kResource);
}

TEST(Delta, WritesAndReadsTheGoldenFile) {
  const Mapping first = random_mapping(40, 1000, 13);
  const Mapping second = successor(first, 5, 14);
  const Bytes bytes = encode_delta(make_delta(first, second));
  const Bytes golden = support::golden("mapping-delta-v1.remapd", bytes);
  EXPECT_EQ(bytes, golden);
  const auto delta = decode_delta(golden);
  ASSERT_TRUE(delta) << delta.error().message;
  const Bytes artifact = encode_artifact(first);
  const auto applied = apply_delta(*ArtifactView::open(artifact, Verify::kAll), *delta);
  ASSERT_TRUE(applied) << applied.error().message;
  expect_equal_lookups(second, *applied);
}

TEST(Delta, NoticesEveryFlippedByte) {
  const Mapping first = random_mapping(20, 50, 11);
  const Bytes good = encode_delta(make_delta(first, successor(first, 3, 12)));
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (at >= 12 && at < 16) continue;  // reserved
    Bytes bad = good;
    bad[at] ^= std::byte{0x41};
    EXPECT_FALSE(decode_delta(bad)) << "byte " << at;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_delta(ByteView(good).first(size)));
  }
}

}  // namespace
}  // namespace remapd::mapping
