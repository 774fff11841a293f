#include "core/base/types.h"

#include <cstring>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

namespace remapd {
namespace {

static_assert(!std::is_convertible_v<Row, TableIndex>);
static_assert(!std::is_convertible_v<std::uint32_t, Row>);
static_assert(!std::is_convertible_v<Row, std::uint32_t>);
static_assert(std::is_trivially_copyable_v<Row> && sizeof(Row) == sizeof(std::uint32_t));
static_assert(std::is_trivially_copyable_v<Version> && sizeof(Version) == sizeof(std::uint64_t));

TEST(Strong, ComparesAndHashesLikeItsValue) {
  EXPECT_EQ(Row{3}, Row{3});
  EXPECT_LT(Row{3}, Row{4});
  EXPECT_EQ(Row{}.value, 0U);
  EXPECT_EQ(Version{}, kNoVersion);
  EXPECT_NE(Row{0}, kNoRow);
  const std::unordered_set<Row> rows = {Row{1}, Row{2}, Row{1}};
  EXPECT_EQ(rows.size(), 2U);
}

TEST(Strong, ArraysHaveTheLayoutOfTheValue) {
  const std::vector<Row> rows = {Row{1}, Row{2}, Row{3}};
  std::vector<std::uint32_t> values(rows.size());
  std::memcpy(values.data(), rows.data(), rows.size() * sizeof(Row));
  EXPECT_EQ(values, (std::vector<std::uint32_t>{1, 2, 3}));
}

}  // namespace
}  // namespace remapd
