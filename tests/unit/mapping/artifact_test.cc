#include "core/mapping/artifact.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
namespace {

// Every known id looks up to its row, single and batched, and unknown ones fall back.
void expect_exact(const Mapping& mapping, const ArtifactView& view) {
  EXPECT_EQ(view.info(), mapping.info);
  EXPECT_EQ(view.ids(), mapping.ids.size());
  EXPECT_EQ(view.content_hash(), content_hash(mapping));
  std::vector<Row> rows(mapping.ids.size());
  view.lookup(mapping.ids, rows);
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
    for (const std::size_t ids : {0UL, 1UL, 7UL, 100UL, 20'000UL}) {
      const Mapping mapping = random_mapping(ids, rows, rows + ids);
      const Bytes bytes = encode_artifact(mapping);
      expect_exact(mapping, opened(bytes));
    }
  }
}

TEST(Artifact, IsExactForAMillionIdsAndSmall) {
  const Mapping mapping = random_mapping(1'000'000, 1'000'000, 1);
  const Bytes bytes = encode_artifact(mapping);
  const ArtifactView view = opened(bytes);
  expect_exact(mapping, view);
  EXPECT_LT(static_cast<double>(bytes.size()), 8.2 * 1e6);
  // Unknown ids fall back; a false hit has p < 3e-7.
  Random random(2);
  int false_hits = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const Id id = random.next();
    if (view.lookup(id) != mapping.lookup(id)) ++false_hits;
  }
  EXPECT_LE(false_hits, 3);
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
  const Bytes bytes = encode_artifact(mapping);
  expect_exact(mapping, opened(bytes));
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
  const Bytes bytes = encode_artifact(mapping);
  expect_exact(mapping, opened(bytes));
}

TEST(Artifact, IsTheSameForTheSameMapping) {
  EXPECT_EQ(encode_artifact(random_mapping(5000, 100, 6)),
            encode_artifact(random_mapping(5000, 100, 6)));
}

TEST(Artifact, GivesTwoRowsWhereTheStrategyHasTwo) {
  Mapping mapping = random_mapping(10, 100, 7);
  mapping.info.strategy = Strategy::kDoubleHash;
  mapping.info.fallback.ways = 2;
  const Bytes bytes = encode_artifact(mapping);
  const ArtifactView view = opened(bytes);
  const std::vector<Id> ids{mapping.ids[0], 12345};
  std::vector<Row> second(2);
  view.lookup_second(ids, second);
  EXPECT_EQ(second[0], kNoRow);
  EXPECT_EQ(second[1], mapping.info.fallback.second_row(12345));
}

TEST(Artifact, NoticesEveryFlippedByte) {
  const Bytes good = encode_artifact(random_mapping(60, 50, 8));
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{0x41};
    EXPECT_FALSE(ArtifactView::open(bad, Verify::kAll)) << "byte " << at;
  }
}

TEST(Artifact, NoticesEveryTruncation) {
  const Bytes good = encode_artifact(random_mapping(60, 50, 9));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ArtifactView::open(ByteView(good).first(size), Verify::kHeader)) << size;
  }
}

// A damaged body that was only opened by its header must not lead outside the bytes or the table.
TEST(Artifact, StaysInBoundsWithADamagedBody) {
  const Mapping mapping = random_mapping(2000, 700, 10);
  const Bytes good = encode_artifact(mapping);
  const ArtifactView intact = opened(good);
  const std::size_t header = good.size() / 64 > 4 ? 192 : 0;
  Random random(11);
  for (int round = 0; round < 50; ++round) {
    Bytes bad = good;
    for (std::size_t i = header; i < bad.size(); ++i) {
      if (random.below(4) == 0) bad[i] = static_cast<std::byte>(random.next());
    }
    const auto view = ArtifactView::open(bad, Verify::kHeader);
    ASSERT_TRUE(view);
    for (const Id id : mapping.ids) ASSERT_LT(view->lookup(id).value, 700U);
    EXPECT_FALSE(view->verify_body());
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

TEST(Artifact, RefusesNewerFormats) {
  Bytes bytes = encode_artifact(random_mapping(1, 5, 12));
  bytes[8] = std::byte{2};
  const auto view = ArtifactView::open(bytes, Verify::kHeader);
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace remapd::mapping
