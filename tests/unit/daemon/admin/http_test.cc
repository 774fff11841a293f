#include "daemon/admin/http.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace remapd::admin {
namespace {

TEST(ParseTarget, TakesPathAndQueryApart) {
  const auto target = parse_target("/v1/tables/a%20b?id=x+y%26z&count=3&empty=&flag");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/tables/a b");
  EXPECT_EQ(target->query.at("id"), "x y&z");
  EXPECT_EQ(target->query.at("count"), "3");
  EXPECT_EQ(target->query.at("empty"), "");
  EXPECT_EQ(target->query.at("flag"), "");
}

TEST(ParseTarget, APlusInAPathIsAPlus) {
  EXPECT_EQ(parse_target("/a+b")->path, "/a+b");
}

TEST(ParseTarget, TheLastOfARepeatedKeyCounts) {
  EXPECT_EQ(parse_target("/?id=1&id=2")->query.at("id"), "2");
}

TEST(ParseTarget, RefusesWhatIsNoPath) {
  for (const char* bad : {"", "*", "http://host/", "/%", "/%2", "/%zz", "/a%00b", "/?a=%0a"}) {
    const auto target = parse_target(bad);
    ASSERT_FALSE(target) << bad;
    EXPECT_EQ(target.error().code, ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(ErrorResponse, HasTheStatusOfItsCodeAndAMessageThatIsValidJson) {
  EXPECT_EQ(error_response({ErrorCode::kNotFound, "no", false}).status, 404U);
  EXPECT_EQ(error_response({ErrorCode::kConflict, "no", false}).status, 409U);
  EXPECT_EQ(error_response({ErrorCode::kInvalidArgument, "no", false}).status, 400U);
  EXPECT_EQ(error_response({ErrorCode::kUnavailable, "no", true}).status, 503U);
  EXPECT_EQ(error_response({ErrorCode::kIo, "no", false}).status, 500U);
  const Response response = error_response(400, "quote \" and \xff byte");
  EXPECT_TRUE(nlohmann::json::parse(response.body).contains("error"));
}

}  // namespace
}  // namespace remapd::admin
