#include "connectors/decode/field_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::decode {
namespace {

using testing::HasSubstr;

TEST(FieldPath, IsReadAndWrittenBack) {
  for (const char* text : {"user", "context.user.id", "items[].id", "tags[]", "a[][].b",
                           R"(a\.b.c)", R"(with\ blank)"}) {
    const auto paths = parse_field_path(text);
    ASSERT_TRUE(paths) << paths.error().message;
    ASSERT_EQ(paths->size(), 1U);
    EXPECT_EQ(to_string(paths->front()), text);
  }
  EXPECT_EQ(*parse_field_path("items[].id"), std::vector<FieldPath>({{{"items"}, {""}, {"id"}}}));
}

TEST(FieldPath, HasAlternatives) {
  EXPECT_EQ(*parse_field_path("user_id | uid|user.id"),
            std::vector<FieldPath>({{{"user_id"}}, {{"uid"}}, {{"user"}, {"id"}}}));
}

TEST(FieldPath, SaysWhereItCannotBeRead) {
  for (const char* text : {"", ".", "a.", "a..b", "a|", "[]", "a[", "a[0]", "a b", "a.[]"}) {
    const auto paths = parse_field_path(text);
    ASSERT_FALSE(paths) << text;
    EXPECT_EQ(paths.error().code, ErrorCode::kConfig);
    EXPECT_THAT(paths.error().message, HasSubstr("from character"));
  }
  std::string deep = "a";
  for (int i = 0; i < 40; ++i) deep += ".a";
  EXPECT_THAT(parse_field_path(deep).error().message, HasSubstr("41 steps, must have at most 32"));
}

TEST(FieldPath, OfANameTakesAnyCharacter) {
  const auto paths = parse_field_path(path_of_name("a.b|c[d \\"));
  ASSERT_TRUE(paths);
  EXPECT_EQ(*paths, std::vector<FieldPath>({{{"a.b|c[d \\"}}}));
}

}  // namespace
}  // namespace remapd::decode
