#include "daemon/admin/action_endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/daemon/admin/fake_control.h"

namespace remapd::admin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ActionEndpointsTest : public testing::Test {
 protected:
  Response post(const std::string& path, const std::string& body = "",
                Method method = Method::kPost) {
    Router router;
    add_action_endpoints(control_, router);
    Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    Response out;
    router.route(request, [&](Response response) { out = std::move(response); });
    return out;
  }

  FakeControl control_;
};

TEST_F(ActionEndpointsTest, DoesWhatIsAskedAndAnswersWithWhatCameOfIt) {
  EXPECT_EQ(post("/v1/tables/item/publish").body, "{\"table\":\"item\",\"version\":8}\n");
  EXPECT_EQ(post("/v1/tables/item/freeze").body, "{\"table\":\"item\",\"frozen\":true}\n");
  EXPECT_EQ(post("/v1/tables/item/unfreeze").body, "{\"table\":\"item\",\"frozen\":false}\n");
  EXPECT_EQ(post("/v1/tables/item/rollback", R"({"version": 3})").body,
            "{\"table\":\"item\",\"version\":8,\"rollback_of\":3}\n");
  EXPECT_EQ(post("/v1/log-level", R"({"level": "debug"})").body, "{\"level\":\"debug\"}\n");
  EXPECT_THAT(control_.done, ElementsAre("publish item", "freeze item", "unfreeze item",
                                         "roll back item to 3", "log debug"));
}

TEST_F(ActionEndpointsTest, WhatWasRefusedIsAConflict) {
  control_.next_version = fail(ErrorCode::kConflict, "refused: too much churn");
  const Response response = post("/v1/tables/item/publish");
  EXPECT_EQ(response.status, 409U);
  EXPECT_EQ(nlohmann::json::parse(response.body)["error"], "refused: too much churn");
}

TEST_F(ActionEndpointsTest, BodiesMustBeWhatTheyShould) {
  for (const char* body : {"", "{}", "3", "[]", "{\"version\": -1}", "{\"version\": \"3\"}",
                           "{\"version\": 3.5}", "{\"version\": 3, \"force\": true}", "{\"version",
                           "{\"version\": 18446744073709551616}", "\xff"}) {
    EXPECT_EQ(post("/v1/tables/item/rollback", body).status, 400U) << body;
  }
  for (const char* body : {"", "{\"level\": 3}", "{\"level\": \"loud\"}"}) {
    EXPECT_EQ(post("/v1/log-level", body).status, 400U) << body;
  }
  EXPECT_THAT(control_.done, IsEmpty());
}

TEST_F(ActionEndpointsTest, OnlyByPost) {
  const Response response = post("/v1/tables/item/publish", "", Method::kGet);
  EXPECT_EQ(response.status, 405U);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].second, "POST");
  EXPECT_THAT(control_.done, IsEmpty());
}

}  // namespace
}  // namespace remapd::admin
