#include "connectors/http/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/http/scripted_server.h"

namespace remapd::http {
namespace {

using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

TEST(HttpClient, GetsWhatIsThere) {
  ScriptedServer server([](const std::string&) {
    return ScriptedServer::response(200, "hello", "eTaG: \"abc\"\r\n");
  });
  const auto client = HttpClient::create({.url = server.url() + "/"});
  ASSERT_TRUE(client) << client.error().message;
  const auto response = (*client)->get("/a/b", {"If-None-Match: \"x\""});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(as_text(response->body), "hello");
  EXPECT_EQ(response->etag, "\"abc\"");
  EXPECT_TRUE(response->whole);
  EXPECT_THAT(server.requests().at(0), testing::StartsWith("GET /a/b HTTP/1.1\r\n"));
  EXPECT_THAT(server.requests().at(0), HasSubstr("If-None-Match: \"x\"\r\n"));
}

TEST(HttpClient, SendsTheTokenThatTheFileHoldsNow) {
  const TempDir dir;
  write_file(dir / "token", "first\n");
  ScriptedServer server([](const std::string&) { return ScriptedServer::response(200, "ok"); });
  const auto client = HttpClient::create({.url = server.url(), .token_file = dir / "token"});
  ASSERT_TRUE(client) << client.error().message;
  ASSERT_TRUE((*client)->get("/", {}));
  write_file(dir / "token", "second");
  ASSERT_TRUE((*client)->get("/", {}));
  EXPECT_THAT(server.requests().at(0), HasSubstr("Authorization: Bearer first\r\n"));
  EXPECT_THAT(server.requests().at(1), HasSubstr("Authorization: Bearer second\r\n"));
}

TEST(HttpClient, RefusesWhatItCannotUse) {
  const TempDir dir;
  write_file(dir / "empty", "\n");
  const auto refused = [](const HttpOptions& options) {
    const auto client = HttpClient::create(options);
    EXPECT_FALSE(client);
    return client ? std::string() : client.error().message;
  };
  EXPECT_THAT(refused({.url = "ftp://host"}), HasSubstr("no URL of an admin server"));
  EXPECT_THAT(refused({.url = ""}), HasSubstr("http://127.0.0.1:9643"));
  EXPECT_THAT(refused({.url = "http://h", .token_file = dir / "missing"}),
              HasSubstr("cannot be read"));
  EXPECT_THAT(refused({.url = "http://h", .token_file = dir / "empty"}), HasSubstr("a token"));
}

TEST(HttpClient, NobodyThereMayPass) {
  std::string url;
  {
    const ScriptedServer gone([](const std::string&) { return std::string(); });
    url = gone.url();
  }
  const auto client = HttpClient::create({.url = url});
  const auto response = (*client)->get("/", {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(response.error().retryable);
  EXPECT_THAT(response.error().message, HasSubstr(url));
}

TEST(HttpClient, KeepsWhatCameOfAnAnswerThatBrokeOff) {
  ScriptedServer server(
      [](const std::string&) { return ScriptedServer::broken_off(200, "0123456789", 4); });
  const auto client = HttpClient::create({.url = server.url()});
  const auto response = (*client)->get("/", {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_FALSE(response->whole);
  EXPECT_EQ(as_text(response->body), "0123");
}

TEST(HttpClient, TakesNoMoreThanItIsAllowed) {
  ScriptedServer server(
      [](const std::string&) { return ScriptedServer::response(200, std::string(5'000, 'x')); });
  const auto client = HttpClient::create({.url = server.url(), .max_bytes = 4'999});
  const auto response = (*client)->get("/", {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kResource);
}

}  // namespace
}  // namespace remapd::http
