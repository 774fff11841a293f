#include "daemon/cli/ids.h"

#include <sstream>

#include <gtest/gtest.h>

#include "core/base/hash.h"

namespace remapd::cli {
namespace {

TEST(Ids, AreNumbersOrHashedTexts) {
  const std::vector<std::string> texts{
      "17", "B00X", "18446744073709551615", "18446744073709551616", "-1", "123.0", " "};
  const auto ids = parse_ids(texts);
  ASSERT_EQ(ids.size(), 6U) << "blanks are no id";
  EXPECT_EQ(ids[4].id, ~0ULL);
  EXPECT_EQ(ids[5].id, 123U);
  EXPECT_EQ(ids[0].id, 17U);
  EXPECT_EQ(ids[1].id, hash_text("B00X"));
  EXPECT_EQ(ids[2].id, ~0ULL);
  EXPECT_EQ(ids[3].id, hash_text("18446744073709551616"));
  EXPECT_EQ(ids[1].text, "B00X");
}

TEST(Ids, AreReadInPieces) {
  std::istringstream in("1 2\n\n3\t4  5");
  EXPECT_EQ(read_ids(in, 2).size(), 2U);
  const auto rest = read_ids(in, 9);
  ASSERT_EQ(rest.size(), 3U);
  EXPECT_EQ(rest[2].id, 5U);
  EXPECT_TRUE(read_ids(in, 9).empty());
}

}  // namespace
}  // namespace remapd::cli
