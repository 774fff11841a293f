#include "daemon/cli/mapping_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/mapping/artifact_encoder.h"

namespace remapd::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Bytes artifact(std::vector<Id> ids, std::vector<std::uint32_t> rows) {
  mapping::Mapping mapping;
  mapping.info = {.table = "t",
                  .version = Version{1},
                  .parent = kNoVersion,
                  .epoch = Epoch{1},
                  .rows = 100,
                  .fallback = {.first_row = 90, .row_count = 10}};
  mapping.ids = std::move(ids);
  for (const std::uint32_t row : rows) mapping.rows.push_back(Row{row});
  return mapping::encode_artifact(mapping);
}

TEST(MappingDiff, ComparesGivenIds) {
  const Bytes old_bytes = artifact({1, 2, 3, 4}, {10, 20, 30, 40});
  const Bytes new_bytes = artifact({2, 3, 4, 5}, {20, 31, 40, 50});
  const auto before = mapping::ArtifactView::open(old_bytes, mapping::Verify::kAll);
  const auto after = mapping::ArtifactView::open(new_bytes, mapping::Verify::kAll);
  ASSERT_TRUE(before && after);
  const MappingDiff diff = diff_ids(*before, *after, {5, 3, 3, 2, 1, 99});
  EXPECT_EQ(diff.compared, 5U);
  EXPECT_THAT(diff.added, ElementsAre(IdChange{5, kNoRow, Row{50}}));
  EXPECT_THAT(diff.moved, ElementsAre(IdChange{3, Row{30}, Row{31}}));
  EXPECT_THAT(diff.removed, ElementsAre(IdChange{1, Row{10}, kNoRow}));
  EXPECT_EQ(diff.rows_changed, 4U);  // 50, 30, 31, 10
  const MappingDiff none = diff_ids(*before, *before, {1, 2, 99});
  EXPECT_THAT(none.added, IsEmpty());
  EXPECT_THAT(none.moved, IsEmpty());
  EXPECT_THAT(none.removed, IsEmpty());
  EXPECT_EQ(none.rows_changed, 0U);
}

}  // namespace
}  // namespace remapd::cli
