#include "daemon/admin/router.h"

#include <gtest/gtest.h>

namespace remapd::admin {
namespace {

Response ask(const Router& router, Method method, std::string path) {
  Request request;
  request.method = method;
  request.path = std::move(path);
  Response out;
  router.route(std::move(request), [&](Response response) { out = std::move(response); });
  return out;
}

Router example() {
  Router router;
  router.add(Method::kGet, "/tables/{table}/rows/{row}",
             [](const Request& request, const Respond& respond) {
               Response response;
               response.body =
                   request.path_values.at("table") + ":" + request.path_values.at("row");
               respond(response);
             });
  router.add(Method::kGet, "/both", [](const Request&, const Respond& r) { r({.body = "get"}); });
  router.add(Method::kPost, "/both", [](const Request&, const Respond& r) { r({.body = "post"}); });
  return router;
}

TEST(Router, GivesEndpointsWhatTheirVariablesMatched) {
  EXPECT_EQ(ask(example(), Method::kGet, "/tables/item/rows/12").body, "item:12");
}

TEST(Router, AVariableIsOneSegmentThatIsNotEmpty) {
  EXPECT_EQ(ask(example(), Method::kGet, "/tables//rows/12").status, 404U);
  EXPECT_EQ(ask(example(), Method::kGet, "/tables/a/b/rows/12").status, 404U);
  EXPECT_EQ(ask(example(), Method::kGet, "/tables/a/rows/12/").status, 404U);
}

TEST(Router, ChoosesByMethod) {
  EXPECT_EQ(ask(example(), Method::kGet, "/both").body, "get");
  EXPECT_EQ(ask(example(), Method::kHead, "/both").body, "get");
  EXPECT_EQ(ask(example(), Method::kPost, "/both").body, "post");
}

TEST(Router, TellsWhichMethodsThereAre) {
  const Response response = ask(example(), Method::kOther, "/both");
  EXPECT_EQ(response.status, 405U);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].first, "Allow");
  EXPECT_EQ(response.headers[0].second, "GET, HEAD, POST");
  EXPECT_EQ(ask(example(), Method::kPost, "/tables/item/rows/1").status, 405U);
}

}  // namespace
}  // namespace remapd::admin
