#include "daemon/admin/guard.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace remapd::admin {
namespace {

constexpr const char* kToken = "0123456789abcdef0123";

class GuardTest : public testing::Test {
 protected:
  Credentials with_token() {
    std::ofstream(dir_ / "token") << kToken << "\n";
    config::Admin settings;
    settings.token_file = dir_ / "token";
    return load_credentials(settings).value();
  }
  static Request post() {
    Request request;
    request.method = Method::kPost;
    request.path = "/v1/tables/item/publish";
    request.host = "localhost:9643";
    request.authorization = std::string("Bearer ") + kToken;
    return request;
  }
  static unsigned status(const Guard& guard, const Request& request) {
    const auto refusal = guard.refuse(request);
    return refusal ? refusal->status : 200;
  }

  test_support::TempDir dir_;
};

TEST_F(GuardTest, ActionsNeedTheToken) {
  const Guard guard(Reach::kLoopback, with_token());
  Request request = post();
  EXPECT_EQ(status(guard, request), 200U);
  request.authorization = std::string("bearer  ") + kToken;
  EXPECT_EQ(status(guard, request), 200U);
  for (const std::string& bad :
       {std::string(), std::string("Bearer"), std::string("Bearer "), std::string(kToken),
        std::string("Bearer 0123456789abcdef012"), std::string("Bearer ") + kToken + "4",
        std::string("Basic OjAxMjM0NTY3ODlhYmNkZWYwMTIz")}) {
    request.authorization = bad;
    const auto refusal = guard.refuse(request);
    ASSERT_TRUE(refusal) << bad;
    EXPECT_EQ(refusal->status, 401U) << bad;
    EXPECT_NE(refusal->body.find("admin.token_file"), std::string::npos);
  }
}

TEST_F(GuardTest, WithoutATokenActionsAreOffAndItIsSaidHowToSwitchThemOn) {
  const Guard guard(Reach::kLoopback, {});
  const auto refusal = guard.refuse(post());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 403U);
  EXPECT_NE(refusal->body.find("set token_file in [admin]"), std::string::npos) << refusal->body;
}

TEST_F(GuardTest, OtherSitesPagesAreRefused) {
  const Guard guard(Reach::kLoopback, with_token());
  Request request = post();
  request.origin = "http://LOCALHOST:9643";
  EXPECT_EQ(status(guard, request), 200U);
  for (const char* origin : {"http://evil.example", "null", "http://localhost:1", "http://"}) {
    request.origin = origin;
    EXPECT_EQ(status(guard, request), 403U) << origin;
  }
  request.origin.clear();
  for (const char* site : {"same-origin", "none"}) {
    request.sec_fetch_site = site;
    EXPECT_EQ(status(guard, request), 200U) << site;
  }
  for (const char* site : {"cross-site", "same-site", "rubbish"}) {
    request.sec_fetch_site = site;
    EXPECT_EQ(status(guard, request), 403U) << site;
  }
}

// A page whose name was made to resolve to 127.0.0.1 is of the same origin as what it asks for.
TEST_F(GuardTest, OnLoopbackTheHostMustBeThisMachine) {
  Request request;
  request.path = "/status";
  const Guard guard(Reach::kLoopback, with_token());
  for (const char* host :
       {"localhost:9643", "LocalHost", "127.0.0.1:9643", "127.0.0.2", "[::1]:9643", "[::1]", ""}) {
    request.host = host;
    EXPECT_EQ(status(guard, request), 200U) << host;
  }
  for (const char* host : {"evil.example:9643", "localhost.evil.example", "127.0.0.1.evil.example",
                           "192.168.1.7:9643", "[fe80::1]:9643", "[", ":9643"}) {
    request.host = host;
    const auto refusal = guard.refuse(request);
    ASSERT_TRUE(refusal) << host;
    EXPECT_EQ(refusal->status, 403U) << host;
    EXPECT_NE(refusal->body.find("Host"), std::string::npos);
  }
  Request action = post();
  action.host = "evil.example:9643";
  action.origin = "http://evil.example:9643";
  EXPECT_EQ(status(guard, action), 403U);
  request.host = "evil.example";
  EXPECT_EQ(status(Guard(Reach::kSocket, {}), request), 200U) << "no browser opens a unix socket";
  request.path = "/livez";
  EXPECT_EQ(status(guard, request), 200U);
}

TEST_F(GuardTest, WhatOnlyThisMachineCanReachIsFreeToRead) {
  Request request;
  request.path = "/status";
  EXPECT_EQ(status(Guard(Reach::kLoopback, {}), request), 200U);
}

TEST_F(GuardTest, WhatOthersCanReachNeedsTheTokenToReadButForProbes) {
  const Guard guard(Reach::kNetwork, with_token());
  Request request;
  request.path = "/livez";
  EXPECT_EQ(status(guard, request), 200U);
  request.path = "/status";
  const auto refusal = guard.refuse(request);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 401U);
  EXPECT_EQ(refusal->headers.at(0).second, "Basic realm=\"remapd\"");  // a browser asks for it
  request.authorization = std::string("Bearer ") + kToken;
  EXPECT_EQ(status(guard, request), 200U);
  request.authorization = "Basic eDowMTIzNDU2Nzg5YWJjZGVmMDEyMw==";  // x:token
  EXPECT_EQ(status(guard, request), 200U);
  for (const char* bad : {"Basic eDowMTIzNDU2Nzg5YWJjZGVmMDEyMw=", "Basic ====", "Basic eA==",
                          "Basic eDo5", "Basic *", "Basic "}) {
    request.authorization = bad;
    EXPECT_EQ(status(guard, request), 401U) << bad;
  }
}

TEST_F(GuardTest, ANewTokenTakesTheOldOnesPlace) {
  Guard guard(Reach::kLoopback, with_token());
  guard.replace({});
  EXPECT_EQ(status(guard, post()), 403U);
}

}  // namespace
}  // namespace remapd::admin
