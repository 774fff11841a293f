#include "daemon/cli/text_table.h"

#include <gtest/gtest.h>

namespace remapd::cli {
namespace {

TEST(TextTable, AlignsColumns) {
  TextTable table({{"name", TextTable::Align::kLeft}, {"rows"}, {"x", TextTable::Align::kLeft}});
  EXPECT_TRUE(table.empty());
  table.add_row({"item", "1,000", "yes"});
  table.add_row({"caf\xc3\xa9s", "7", ""});
  EXPECT_FALSE(table.empty());
  EXPECT_EQ(table.to_string(), "name    rows  x\nitem   1,000  yes\ncaf\xc3\xa9s      7\n");
  EXPECT_EQ(table.to_string(2).substr(0, 6), "  name");
}

TEST(TextTableDeathTest, ARowHasACellForEachColumn) {
  TextTable table({{"a"}, {"b"}});
  EXPECT_DEATH(table.add_row({"1"}), "one cell for each column");
}

}  // namespace
}  // namespace remapd::cli
