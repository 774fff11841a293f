#include "core/fields/cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"

namespace remapd::fields {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Id> ids_of(std::string_view cell, std::optional<char> separator = std::nullopt) {
  std::vector<Id> ids;
  EXPECT_TRUE(ids_of_cell(cell, separator, ids)) << cell;
  return ids;
}

TEST(Cell, AnIdFollowsTheRule) {
  for (const char* cell : {"123", "123.0", "00123", "+123", " 123 ", "\"123\"", "123\r"}) {
    EXPECT_THAT(ids_of(cell), ElementsAre(123U)) << cell;
  }
  EXPECT_THAT(ids_of("-7286425919675154353"), ElementsAre(11160318154034397263ULL));
  for (const char* cell : {"B00X", " B00X", "\"B00X\"", " \"B00X\" "}) {
    EXPECT_THAT(ids_of(cell), ElementsAre(hash_text("B00X"))) << cell;
  }
  EXPECT_THAT(ids_of("\"6\"\" pipe\""), ElementsAre(hash_text("6\" pipe")));
  EXPECT_THAT(ids_of("6\" pipe"), ElementsAre(hash_text("6\" pipe")));
  EXPECT_THAT(ids_of("1,2"), ElementsAre(hash_text("1,2")));
}

TEST(Cell, NullIsNoId) {
  for (const char* cell : {"", "  ", "\\N", "NULL", "null", "NaN", "nan", " NULL ", "\"\""}) {
    EXPECT_THAT(ids_of(cell), IsEmpty()) << cell;
    EXPECT_THAT(ids_of(cell, ','), IsEmpty()) << cell;
  }
  EXPECT_THAT(ids_of("\"NULL\""), ElementsAre(hash_text("NULL"))) << "in quotes it is text";
}

TEST(Cell, ListsAreSplitAndTrimmed) {
  for (const char* cell : {"1,2,3", "1, 2, 3", "[1, 2, 3]", "[1,2,3]", " [ 1 ,2,3.0 ] ",
                           "\"1,2,3\"", "\"[1, 2, 3]\"", "1,,2,NULL,3,", "[\"1\", \"2\", \"3\"]"}) {
    EXPECT_THAT(ids_of(cell, ','), ElementsAre(1U, 2U, 3U)) << cell;
  }
  EXPECT_THAT(ids_of("\"a\",\"b\"", ','), ElementsAre(hash_text("a"), hash_text("b")));
  EXPECT_THAT(ids_of("\"[\"\"a\"\", \"\"b\"\"]\"", ','),
              ElementsAre(hash_text("a"), hash_text("b")));
  EXPECT_THAT(ids_of("1|2", '|'), ElementsAre(1U, 2U));
  EXPECT_THAT(ids_of("1 2", ' '), ElementsAre(1U, 2U));
  EXPECT_THAT(ids_of("[]", ','), IsEmpty());
  EXPECT_THAT(ids_of(",", ','), IsEmpty());
}

TEST(Cell, ListsThatCannotBeReadAreRefused) {
  std::vector<Id> ids = {5};
  EXPECT_FALSE(ids_of_cell("[1, 2, 3]", std::nullopt, ids));
  EXPECT_THAT(list_refusal("[1, 2, 3]", std::nullopt), HasSubstr("[1, 2, 3]"));
  EXPECT_THAT(list_refusal("[1, 2, 3]", std::nullopt), HasSubstr("multi_value_separator"));
  for (const char* cell : {"[[1, 2], [3]]", "[1, 2", "1, 2]", "[1, [2]]"}) {
    EXPECT_FALSE(ids_of_cell(cell, ',', ids)) << cell;
    EXPECT_THAT(list_refusal(cell, ','), HasSubstr(cell));
  }
  EXPECT_THAT(ids, ElementsAre(5U)) << "nothing of a refused cell is left";
}

TEST(Cell, TextOfLabelsAndTimes) {
  std::string room;
  EXPECT_EQ(text_of_cell(" \"0.5\" ", room), "0.5");
  EXPECT_EQ(text_of_cell("\\N", room), std::nullopt);
}

}  // namespace
}  // namespace remapd::fields
