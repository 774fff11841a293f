#include "core/mapping/artifact_editor.h"

#include <map>

#include <gtest/gtest.h>

#include "core/mapping/artifact_encoder.h"
#include "core/mapping/artifact_format.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
namespace {

Mapping mapping_of(const std::map<Id, Row>& pairs, const MappingInfo& info) {
  Mapping out;
  out.info = info;
  for (const auto& [id, row] : pairs) {
    out.ids.push_back(id);
    out.rows.push_back(row);
  }
  return out;
}

// Random additions, moves and removals, among them of ids made to share line and fingerprint,
// against a map.
TEST(ArtifactEditor, DoesWhatAMapWould) {
  for (const std::uint32_t rows : {500U, 1U << 24}) {
    Random random(rows);
    const Mapping start = random_mapping(1000, rows, 1);
    std::map<Id, Row> truth;
    for (std::size_t i = 0; i < start.ids.size(); ++i) truth[start.ids[i]] = start.rows[i];
    const Bytes bytes = encode_artifact(start);
    ArtifactEditor editor(*ArtifactView::open(bytes, Verify::kAll));
    const auto some_id = [&] {
      if (random.below(4) == 0) return unmix64(0x1234567800000000ULL + (random.below(20) << 38));
      return start.ids[random.below(start.ids.size())];
    };
    for (int step = 0; step < 5000; ++step) {
      const Id id = some_id();
      const Row row{static_cast<std::uint32_t>(random.below(rows))};
      if (!truth.contains(id)) {
        ASSERT_TRUE(editor.add(id, row));
        truth[id] = row;
      } else if (random.below(2) == 0) {
        ASSERT_TRUE(editor.move(id, row));
        truth[id] = row;
      } else {
        ASSERT_TRUE(editor.remove(id));
        truth.erase(id);
      }
    }
    const Mapping expected = mapping_of(truth, start.info);
    EXPECT_EQ(editor.ids(), expected.ids.size());
    EXPECT_EQ(editor.content_hash(), content_hash(expected));
    const Bytes edited = editor.artifact(start.info);
    const auto view = ArtifactView::open(edited, Verify::kAll);
    ASSERT_TRUE(view) << view.error().message;
    for (const auto& [id, row] : truth) ASSERT_EQ(view->lookup(id), row);
    for (const Id id : start.ids) ASSERT_EQ(view->contains(id), truth.contains(id));
  }
}

TEST(ArtifactEditor, TellsWhenAnIdIsNotThere) {
  const Bytes bytes = encode_artifact(random_mapping(10, 50, 2));
  ArtifactEditor editor(*ArtifactView::open(bytes, Verify::kAll));
  EXPECT_FALSE(editor.move(123, Row{1}));
  EXPECT_FALSE(editor.remove(123));
  EXPECT_EQ(editor.ids(), 10U);
}

TEST(ArtifactEditor, RefusesIdsOnceItIsFull) {
  const Bytes bytes = encode_artifact(random_mapping(10, 50, 3));
  const auto view = ArtifactView::open(bytes, Verify::kAll);
  ArtifactEditor editor(*view);
  Id id = 0;
  while (editor.add(id, Row{1})) ASSERT_LT(++id, 1000U);
  EXPECT_EQ(editor.ids(), 10 + id);
}

TEST(ArtifactEditor, LeavesTheOldArtifactAlone) {
  const Mapping mapping = random_mapping(100, 50, 4);
  const Bytes bytes = encode_artifact(mapping);
  const Bytes before = bytes;
  ArtifactEditor editor(*ArtifactView::open(bytes, Verify::kAll));
  for (const Id id : mapping.ids) ASSERT_TRUE(editor.remove(id));
  MappingInfo next = mapping.info;
  next.version = Version{2};
  const Bytes edited = editor.artifact(next);
  EXPECT_EQ(bytes, before);
  EXPECT_EQ(ArtifactView::open(edited, Verify::kAll)->info(), next);
  EXPECT_EQ(ArtifactView::open(edited, Verify::kAll)->content_hash(), 0U);
}

// Lines whose bytes claim more entries than fit, behind right checksums: the editor keeps to the
// line (found by fuzzing; the sanitizers see a slip).
TEST(ArtifactEditor, StaysInItsLinesWhateverTheyClaim) {
  for (const std::uint32_t rows : {500U, 1U << 24}) {
    const Mapping mapping = random_mapping(200, rows, 5);
    Bytes bytes = encode_artifact(mapping);
    const std::size_t header = ArtifactView::open(bytes, Verify::kAll) ? 192 : 0;
    for (std::size_t at = header; at + 64 <= bytes.size(); at += 64) {
      bytes[at] = std::byte{0xff};
    }
    const auto view = ArtifactView::open(bytes, Verify::kHeader);
    ASSERT_TRUE(view);
    ArtifactEditor editor(*view);
    for (const Id id : mapping.ids) editor.remove(id);
    for (const Id id : mapping.ids) editor.add(id, Row{0});
    const Bytes edited = editor.artifact(mapping.info);
    EXPECT_TRUE(ArtifactView::open(edited, Verify::kAll));
  }
}

TEST(ArtifactEditorDeathTest, DoesNotChangeCompactArtifacts) {
  const Bytes bytes = encode_artifact(random_mapping(10, 50, 6), ArtifactKind::kCompact);
  EXPECT_DEATH(ArtifactEditor(*ArtifactView::open(bytes, Verify::kAll)), "compact");
}

TEST(ArtifactEditorDeathTest, KeepsTheRowBudget) {
  const Mapping mapping = random_mapping(10, 50, 6);
  const Bytes bytes = encode_artifact(mapping);
  ArtifactEditor editor(*ArtifactView::open(bytes, Verify::kAll));
  MappingInfo other = mapping.info;
  other.rows = 51;
  EXPECT_DEATH((void)editor.artifact(other), "row budget");
}

}  // namespace
}  // namespace remapd::mapping
