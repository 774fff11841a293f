#include "core/mapping/artifact.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tbb/global_control.h>

#include "core/mapping/artifact_encoder.h"
#include "core/mapping/artifact_format.h"
#include "tests/support/golden.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr std::array kKinds{ArtifactKind::kFast, ArtifactKind::kCompact};

// Every known id looks up to its row, single and batched.
void expect_exact(const Mapping& mapping, const ArtifactView& view) {
  EXPECT_EQ(view.info(), mapping.info);
  EXPECT_EQ(view.ids(), mapping.ids.size());
  EXPECT_EQ(view.content_hash(), content_hash(mapping));
  std::vector<Row> rows(mapping.ids.size());
  view.lookup(mapping.ids, rows);
  ASSERT_EQ(rows, mapping.rows);
  std::fill(rows.begin(), rows.end(), kNoRow);
  view.find(mapping.ids, rows);
  ASSERT_EQ(rows, mapping.rows);
  for (std::size_t i = 0; i < mapping.ids.size(); i += 97) {
    EXPECT_EQ(view.lookup(mapping.ids[i]), mapping.rows[i]);
    EXPECT_TRUE(view.contains(mapping.ids[i]));
  }
}

ArtifactView opened(const Bytes& bytes) {
  auto view = ArtifactView::open(bytes, Verify::kAll);
  EXPECT_TRUE(view) << (view ? "" : view.error().message);
  return *view;
}

TEST(Artifact, IsExactForEveryKnownIdOfEveryShape) {
  for (const std::uint32_t rows : {1U, 2U, 3U, 1000U, 1U << 23, (1U << 23) + 1, kNoRow.value - 1}) {
    for (const std::size_t ids : {0UL, 1UL, 2UL, 7UL, 100UL, 20'000UL}) {
      for (const ArtifactKind kind : kKinds) {
        const Mapping mapping = random_mapping(ids, rows, rows + ids);
        const Bytes bytes = encode_artifact(mapping, kind);
        const ArtifactView view = opened(bytes);
        EXPECT_EQ(view.kind(), kind);
        expect_exact(mapping, view);
      }
    }
  }
}

TEST(Artifact, IsExactForAMillionIdsAndSmall) {
  const Mapping mapping = random_mapping(1'000'000, 1'000'000, 1);
  const Bytes bytes = encode_artifact(mapping);
  const ArtifactView view = opened(bytes);
  expect_exact(mapping, view);
  EXPECT_LT(static_cast<double>(bytes.size()), 8.2 * 1e6);
  // New ids fall back; a false hit has p < 3e-7.
  Random random(2);
  int false_hits = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const Id id = random.next();
    if (view.lookup(id) != mapping.lookup(id)) ++false_hits;
  }
  EXPECT_LE(false_hits, 3);
}

// Two shards of 400,000 ids. A false hit has p <= 1/4096, for which 2^20 tries are expected to give
// 250 with a standard deviation of 16.
TEST(Artifact, CompactIsExactForManyIdsAndSmaller) {
  const Mapping mapping = random_mapping(800'000, 1'000'000, 1);
  const Bytes bytes = encode_artifact(mapping, ArtifactKind::kCompact);
  const ArtifactView view = opened(bytes);
  expect_exact(mapping, view);
  EXPECT_LT(static_cast<double>(bytes.size()), 4.7 * 8e5);
  Random random(2);
  std::vector<Id> ids(1U << 20);
  for (Id& id : ids) id = random.next();
  std::vector<Row> rows(ids.size());
  view.lookup(ids, rows);
  std::vector<Row> found(ids.size());
  view.find(ids, found);
  int false_hits = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(rows[i], view.lookup(ids[i]));
    EXPECT_EQ(found[i], view.contains(ids[i]) ? rows[i] : kNoRow);
    EXPECT_TRUE(view.contains(ids[i]) || rows[i] == mapping.info.fallback.row(ids[i]));
    if (view.contains(ids[i])) ++false_hits;
  }
  EXPECT_GT(false_hits, 150);
  EXPECT_LT(false_hits, 350);
}

TEST(Artifact, CompactWithoutIdsTakesNoneForKnown) {
  const Mapping mapping = random_mapping(0, 50, 1);
  const Bytes bytes = encode_artifact(mapping, ArtifactKind::kCompact);
  const ArtifactView view = opened(bytes);
  std::vector<Id> ids(20'000);
  std::iota(ids.begin(), ids.end(), Id{0});
  std::vector<Row> rows(ids.size());
  view.lookup(ids, rows);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_FALSE(view.contains(ids[i]));
    ASSERT_EQ(rows[i], mapping.info.fallback.row(ids[i]));
  }
  view.find(ids, rows);
  EXPECT_THAT(rows, Each(kNoRow));
}

// Ids made to meet in one shard, by inverting the hash: they are dealt out by another seed.
TEST(Artifact, CompactIsExactForIdsMadeToMeetInAShard) {
  constexpr std::uint64_t kIds = 1'600'000;  // three shards
  Mapping mapping = random_mapping(0, 1000, 5);
  for (std::uint64_t i = 0; i < kIds; ++i) {
    const std::uint64_t hash = mix64(i) / 3;
    mapping.ids.push_back(unmix64(hash) - 0x9e3779b97f4a7c15ULL);
    mapping.rows.push_back(Row{static_cast<std::uint32_t>(i % 1000)});
    ASSERT_EQ(hash_id(mapping.ids.back(), 0), hash);
  }
  std::sort(mapping.ids.begin(), mapping.ids.end());
  ASSERT_EQ(std::adjacent_find(mapping.ids.begin(), mapping.ids.end()), mapping.ids.end());
  const Bytes bytes = encode_artifact(mapping, ArtifactKind::kCompact);
  EXPECT_LT(bytes.size(), kIds * 4);
  expect_exact(mapping, opened(bytes));
}

// A shard that cannot be solved with the first seed, which is rare, is solved with another.
TEST(Artifact, CompactTriesOtherSeeds) {
  int tried_again = 0;
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    const Mapping mapping = random_mapping(20, 50, seed);
    const Bytes bytes = encode_artifact(mapping, ArtifactKind::kCompact);
    expect_exact(mapping, opened(bytes));
    std::uint32_t shard_seed = 0;
    std::memcpy(&shard_seed, bytes.data() + 192, sizeof(shard_seed));
    if (shard_seed > 0) ++tried_again;
  }
  EXPECT_GT(tried_again, 0);
}

TEST(Artifact, IsTheSameForAnyNumberOfThreads) {
  const Mapping mapping = random_mapping(1'000'000, 1'000'000, 3);
  for (const ArtifactKind kind : kKinds) {
    const Bytes by_all = encode_artifact(mapping, kind);
    for (const std::size_t threads : {1, 3}) {
      const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
      EXPECT_EQ(encode_artifact(mapping, kind), by_all);
    }
  }
}

// Lines are filled in pieces, by any number of threads; the checksums are those of artifacts whose
// lines were filled one after another.
TEST(Artifact, IsTheSameHoweverItIsDividedUp) {
  const struct {
    std::size_t ids;
    std::uint32_t rows;
    std::uint64_t seed;
    std::uint64_t expected;
  } cases[] = {{20'000, 100, 4, 0x8a17c21e6f8fc997},
               {400'000, 1U << 24, 3, 0x167d7a2d3ee3cfa5},
               {1'000'000, 1'000'000, 1, 0xf3f73d17aec2cc58}};
  for (const auto& c : cases) {
    EXPECT_EQ(checksum(encode_artifact(random_mapping(c.ids, c.rows, c.seed))), c.expected);
  }
}

TEST(Artifact, IsExactForSequentialIds) {
  Mapping mapping = random_mapping(50'000, 999, 4);
  for (std::size_t i = 0; i < mapping.ids.size(); ++i) mapping.ids[i] = i;
  for (const ArtifactKind kind : kKinds) {
    const Bytes bytes = encode_artifact(mapping, kind);
    expect_exact(mapping, opened(bytes));
  }
}

// Ids made to share line and fingerprint, by inverting the hash: they all need the exception list.
TEST(Artifact, IsExactForIdsMadeToCollide) {
  Mapping mapping = random_mapping(0, 1000, 5);
  for (std::uint64_t i = 0; i < 500; ++i) {
    // Narrow lines take the low 16 bits and 22 more; the rest differs far below the line's share.
    mapping.ids.push_back(unmix64(0x1234567800000000ULL + (i << 38)));
  }
  std::sort(mapping.ids.begin(), mapping.ids.end());
  for (std::uint32_t i = 0; i < 500; ++i) mapping.rows.push_back(Row{i});
  for (const ArtifactKind kind : kKinds) {
    const Bytes bytes = encode_artifact(mapping, kind);
    expect_exact(mapping, opened(bytes));
  }
}

TEST(Artifact, IsTheSameForTheSameMapping) {
  for (const ArtifactKind kind : kKinds) {
    EXPECT_EQ(encode_artifact(random_mapping(5000, 100, 6), kind),
              encode_artifact(random_mapping(5000, 100, 6), kind));
  }
}

TEST(Artifact, LooksUpTheSameUnderAnotherInfo) {
  const Mapping mapping = random_mapping(3000, 100, 14);
  for (const ArtifactKind kind : kKinds) {
    const Bytes bytes = encode_artifact(mapping, kind);
    Mapping later = mapping;
    later.info.version = Version{9};
    later.info.parent = Version{8};
    EXPECT_EQ(with_info(opened(bytes), later.info), encode_artifact(later, kind));
  }
}

// Rows up to 1,000 are written in fewer bits than those up to 2^24.
TEST(Artifact, FindsKnownIdsAmongOthers) {
  for (const std::uint32_t rows : {1'000U, 1U << 24}) {
    for (const ArtifactKind kind : kKinds) {
      const Mapping mapping = random_mapping(5'000, rows, 11);
      const Bytes bytes = encode_artifact(mapping, kind);
      const ArtifactView view = opened(bytes);
      Random random(12);
      std::vector<Id> ids;
      for (const Id id : mapping.ids) {
        ids.push_back(id);
        ids.push_back(random.next());
      }
      std::vector<Row> found(ids.size());
      view.find(ids, found);
      for (std::size_t i = 0; i < ids.size(); ++i) {
        ASSERT_EQ(found[i], view.contains(ids[i]) ? view.lookup(ids[i]) : kNoRow) << i;
      }
      EXPECT_GE(std::count(found.begin(), found.end(), kNoRow), 4'900);
    }
  }
}

TEST(Artifact, GivesTwoRowsWhereTheStrategyHasTwo) {
  Mapping mapping = random_mapping(10, 100, 7);
  const std::vector<Id> ids{mapping.ids[0], 12345};
  std::vector<Row> second(2, Row{7});
  const Bytes one_way = encode_artifact(mapping);
  opened(one_way).lookup_second(ids, second);
  EXPECT_THAT(second, ElementsAre(kNoRow, kNoRow));
  mapping.info.strategy = Strategy::kDoubleHash;
  mapping.info.fallback.ways = 2;
  const Bytes two_ways = encode_artifact(mapping);
  opened(two_ways).lookup_second(ids, second);
  EXPECT_THAT(second, ElementsAre(kNoRow, mapping.info.fallback.second_row(12345)));
}

TEST(Artifact, NoticesEveryFlippedByte) {
  for (const ArtifactKind kind : kKinds) {
    const Bytes good = encode_artifact(random_mapping(60, 50, 8), kind);
    for (std::size_t at = 0; at < good.size(); ++at) {
      Bytes bad = good;
      bad[at] ^= std::byte{0x41};
      EXPECT_FALSE(ArtifactView::open(bad, Verify::kAll)) << "byte " << at;
    }
  }
}

TEST(Artifact, NoticesEveryTruncation) {
  for (const ArtifactKind kind : kKinds) {
    const Bytes good = encode_artifact(random_mapping(60, 50, 9), kind);
    for (std::size_t size = 0; size < good.size(); ++size) {
      EXPECT_FALSE(ArtifactView::open(ByteView(good).first(size), Verify::kHeader)) << size;
    }
  }
}

// A damaged body that was only opened by its header must not lead outside the bytes or the table.
TEST(Artifact, StaysInBoundsWithADamagedBody) {
  const Mapping mapping = random_mapping(2000, 700, 10);
  constexpr std::size_t kHeader = 192;
  Random random(11);
  for (const ArtifactKind kind : kKinds) {
    const Bytes good = encode_artifact(mapping, kind);
    ASSERT_GT(good.size(), kHeader);
    for (int round = 0; round < 50; ++round) {
      Bytes bad = good;
      for (std::size_t i = kHeader; i < bad.size(); ++i) {
        if (random.below(4) == 0) bad[i] = static_cast<std::byte>(random.next());
      }
      const auto view = ArtifactView::open(bad, Verify::kHeader);
      ASSERT_TRUE(view);
      std::vector<Row> rows(mapping.ids.size());
      view->lookup(mapping.ids, rows);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        ASSERT_LT(rows[i].value, 700U);
        ASSERT_EQ(view->lookup(mapping.ids[i]), rows[i]);
      }
      EXPECT_FALSE(view->verify_body());
    }
  }
}

// Narrow and wide lines, each with ids that need the exception list.
TEST(Artifact, WritesAndReadsTheGoldenFiles) {
  for (const std::uint32_t rows : {1000U, 1U << 24}) {
    Mapping mapping = random_mapping(40, rows, 13);
    for (std::uint64_t i = 0; i < 3; ++i) {
      mapping.ids.push_back(unmix64(0x1234567800000000ULL + (i << 38)));
      mapping.rows.push_back(Row{static_cast<std::uint32_t>(i)});
    }
    std::sort(mapping.ids.begin(), mapping.ids.end());
    const Bytes bytes = encode_artifact(mapping);
    const Bytes golden = support::golden(
        rows == 1000 ? "mapping-artifact-v1-narrow.remapd" : "mapping-artifact-v1-wide.remapd",
        bytes);
    EXPECT_EQ(bytes, golden);
    expect_exact(mapping, opened(golden));
  }
}

TEST(Artifact, WritesAndReadsTheCompactGoldenFile) {
  const Mapping mapping = random_mapping(40, 1000, 13);
  const Bytes bytes = encode_artifact(mapping, ArtifactKind::kCompact);
  const Bytes golden = support::golden("mapping-artifact-v1-compact.remapd", bytes);
  EXPECT_EQ(bytes, golden);
  expect_exact(mapping, opened(golden));
}

TEST(Artifact, RefusesNewerFormats) {
  Bytes bytes = encode_artifact(random_mapping(1, 5, 12));
  bytes[8] = std::byte{2};
  const auto view = ArtifactView::open(bytes, Verify::kHeader);
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code, ErrorCode::kUnsupported);
}

// What a build that knows fewer layouts says of an artifact with another one.
TEST(Artifact, RefusesNewerLayouts) {
  Bytes bytes = encode_artifact(random_mapping(1, 5, 12));
  bytes[120] = std::byte{3};
  std::fill_n(bytes.begin() + 24, 8, std::byte{0});
  const std::uint64_t sum = checksum(ByteView(bytes).first(192));
  std::memcpy(bytes.data() + 24, &sum, sizeof(sum));
  const auto view = ArtifactView::open(bytes, Verify::kHeader);
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(view.error().message, "mapping artifact: unknown layout 3; a newer remapd wrote it");
}

// Whatever a line holds, wide registers find the same entries as one comparison after another.
TEST(Artifact, FindsFingerprintsAlikeOnEveryProcessor) {
  Random random(16);
  for (int round = 0; round < 10'000; ++round) {
    std::array<std::byte, format::kLineBytes> line{};
    const auto fingerprint = static_cast<std::uint32_t>(random.next());
    for (std::size_t i = 0; i < line.size(); i += 4) {
      const auto other = static_cast<std::uint32_t>(random.next());
      const std::uint32_t put = random.below(3) == 0 ? fingerprint : other;
      std::memcpy(line.data() + i, &put, sizeof(put));
    }
    ASSERT_EQ(format::fingerprints_equal(line.data(), fingerprint),
              format::fingerprints_equal_portable(line.data(), fingerprint));
  }
}

TEST(Artifact, FindsTagsAlikeOnEveryProcessor) {
  Random random(15);
  for (int round = 0; round < 10'000; ++round) {
    std::array<std::byte, format::kLineBytes> line{};
    const auto tag = static_cast<std::uint16_t>(random.next());
    for (std::size_t i = 0; i < line.size(); i += 2) {
      const auto other = static_cast<std::uint16_t>(random.next());
      const std::uint16_t put = random.below(3) == 0 ? tag : other;
      std::memcpy(line.data() + i, &put, sizeof(put));
    }
    constexpr std::uint32_t kSlots = (1U << format::NarrowLine::kSlots) - 1;
    ASSERT_EQ(format::tags_equal(line.data(), tag) & kSlots,
              format::tags_equal_portable(line.data(), tag));
  }
}

}  // namespace
}  // namespace remapd::mapping
