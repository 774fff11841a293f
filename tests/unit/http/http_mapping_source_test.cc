// Against a server that errs as a test says; tests/component has it against a daemon.
#include "connectors/http/http_mapping_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/proto/manifest_codec.h"
#include "tests/unit/client/cpp/version_chain.h"
#include "tests/unit/http/scripted_server.h"

namespace remapd::http {
namespace {

using namespace std::chrono_literals;
using mapping::BlobKind;
using testing::HasSubstr;

// A daemon's table "items" with some versions, each with snapshot, delta and plan.
class HttpMappingSourceTest : public testing::Test {
 protected:
  HttpMappingSourceTest()
      : server_([this](const std::string& request) { return answer(request); }) {
    auto source = HttpMappingSource::create({.url = server_.url()}, "items", 0ms);
    EXPECT_TRUE(source) << source.error().message;
    source_ = std::move(*source);
  }

  void publish() {
    const std::lock_guard lock(mutex_);
    chain_.push_back(
        client::next_link(chain_.empty() ? nullptr : &chain_.back(), 300, chain_.size() + 1));
    chain_.back().mapping.info.table = "items";
    chain_.back().publication.manifest.info.table = "items";
  }
  const mapping::Manifest& manifest(std::size_t version) {
    return chain_.at(version - 1).publication.manifest;
  }

  std::string answer(const std::string& request) {
    const std::lock_guard lock(mutex_);
    if (!overrides_.empty()) {
      auto next = overrides_.front();
      overrides_.pop_front();
      return next(request);
    }
    return honest(request);
  }
  std::string honest(const std::string& request) const {
    const std::string path = request.substr(4, request.find(' ', 4) - 4);
    const std::string base = "/v1/tables/items";
    if (path == base) return ScriptedServer::response(200, "{}");
    if (!path.starts_with(base)) return ScriptedServer::response(404, R"({"error": "no table"})");
    const std::size_t slash = path.rfind('/');
    const std::string kind = path.substr(base.size() + 1, slash - base.size() - 1);
    const std::string name = path.substr(slash + 1);
    const std::size_t version = name == "latest" ? chain_.size() : std::stoul(name);
    if (version <= forgotten_ || version > chain_.size() || version == 0) {
      return ScriptedServer::response(404, R"({"error": "not kept"})");
    }
    const mapping::Publication& publication = chain_[version - 1].publication;
    if (kind == "manifest") {
      const std::string etag = "\"m" + std::to_string(version) + "\"";
      if (request.find("If-None-Match: " + etag) != std::string::npos) {
        return ScriptedServer::response(304, "");
      }
      return ScriptedServer::response(200, proto::to_json(publication.manifest),
                                      "ETag: " + etag + "\r\n");
    }
    const auto blob = kind == "artifact" ? BlobKind::kSnapshot
                      : kind == "delta"  ? BlobKind::kDelta
                                         : BlobKind::kPlan;
    std::string bytes(as_text(publication.blobs[static_cast<std::size_t>(blob)]));
    const std::size_t range = request.find("Range: bytes=");
    if (range == std::string::npos) return ScriptedServer::response(200, bytes);
    return ScriptedServer::response(206, bytes.substr(std::stoul(request.substr(range + 13))));
  }

  std::vector<std::uint64_t> poll() {
    const auto found = source_->poll(0ms);
    EXPECT_TRUE(found) << found.error().message;
    std::vector<std::uint64_t> versions;
    for (const mapping::Manifest& one : found.value_or(std::vector<mapping::Manifest>{})) {
      versions.push_back(one.info.version.value);
    }
    return versions;
  }

  std::mutex mutex_;
  std::vector<client::ChainLink> chain_;
  std::size_t forgotten_ = 0;  // versions up to it are not kept
  std::deque<ScriptedServer::Answer> overrides_;
  ScriptedServer server_;
  std::unique_ptr<HttpMappingSource> source_;
};

TEST_F(HttpMappingSourceTest, ReportsTheNewestThenEveryOneOnce) {
  EXPECT_THAT(poll(), testing::IsEmpty());
  publish();
  publish();
  EXPECT_THAT(poll(), testing::ElementsAre(1, 2)) << "it was there before the first";
  EXPECT_THAT(poll(), testing::IsEmpty());
  publish();
  publish();
  publish();
  EXPECT_THAT(poll(), testing::ElementsAre(3, 4, 5));
  EXPECT_THAT(server_.requests().back(), HasSubstr("/manifest/3 "));
  EXPECT_THAT(poll(), testing::IsEmpty());
  EXPECT_THAT(server_.requests().back(), HasSubstr("If-None-Match: \"m5\""));
}

TEST_F(HttpMappingSourceTest, OneThatComesLaterIsToldTheNewest) {
  publish();
  publish();
  EXPECT_THAT(poll(), testing::ElementsAre(2));
}

TEST_F(HttpMappingSourceTest, AsksNoMoreOftenThanItsInterval) {
  auto rarely = HttpMappingSource::create({.url = server_.url()}, "items", 1h);
  ASSERT_TRUE(rarely) << rarely.error().message;
  for (int i = 0; i < 3; ++i) {
    const auto found = (*rarely)->poll(0ms);
    ASSERT_TRUE(found) << found.error().message;
  }
  EXPECT_EQ(server_.requests().size(), 2U) << "the manifest, and whether there is such a table";
}

TEST_F(HttpMappingSourceTest, AsksAgainAfterAPauseAndGivesTheErrorUntilThen) {
  publish();
  for (int i = 0; i < 2; ++i) {
    overrides_.push_back(
        [](const std::string&) { return ScriptedServer::response(503, R"({"error": "busy"})"); });
  }
  for (int i = 0; i < 3; ++i) {
    const auto found = source_->poll(0ms);
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message, HasSubstr("busy"));
  }
  const auto found = source_->poll(20s);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->size(), 1U);
  EXPECT_EQ(server_.requests().size(), 3U);
}

TEST_F(HttpMappingSourceTest, WhatIsNotKeptIsPassedOver) {
  publish();
  poll();
  publish();
  publish();
  forgotten_ = 2;
  EXPECT_THAT(poll(), testing::ElementsAre(3));
}

TEST_F(HttpMappingSourceTest, FetchesWhatTheManifestNames) {
  publish();
  publish();
  poll();
  for (const BlobKind kind : {BlobKind::kSnapshot, BlobKind::kDelta, BlobKind::kPlan}) {
    const auto blob = source_->fetch(manifest(2), kind);
    ASSERT_TRUE(blob) << blob.error().message;
    EXPECT_EQ(as_text((*blob)->view()),
              as_text(chain_[1].publication.blobs[static_cast<std::size_t>(kind)]));
  }
}

TEST_F(HttpMappingSourceTest, GoesOnWhereADownloadBrokeOff) {
  publish();
  poll();
  const std::string bytes(as_text(chain_[0].publication.blobs[0]));
  overrides_ = {[&](const std::string&) { return ScriptedServer::broken_off(200, bytes, 1'000); },
                [&](const std::string&) {
                  return ScriptedServer::broken_off(206, bytes.substr(1'000), 500);
                }};
  const auto blob = source_->fetch(manifest(1), BlobKind::kSnapshot);
  ASSERT_TRUE(blob) << blob.error().message;
  EXPECT_EQ(as_text((*blob)->view()), bytes);
  EXPECT_THAT(server_.requests().back(), HasSubstr("Range: bytes=1500-"));
  EXPECT_THAT(server_.requests().back(), HasSubstr("If-Range: \""));
}

TEST_F(HttpMappingSourceTest, GivesUpADownloadThatKeepsBreakingOff) {
  publish();
  poll();
  for (int i = 0; i < 5; ++i) {
    overrides_.push_back([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\n"); });
  }
  const auto blob = source_->fetch(manifest(1), BlobKind::kSnapshot);
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(blob.error().retryable);
}

TEST_F(HttpMappingSourceTest, FindsDamageOut) {
  publish();
  poll();
  std::string bytes(as_text(chain_[0].publication.blobs[0]));
  bytes[bytes.size() / 2] ^= 1;
  overrides_ = {[&](const std::string&) { return ScriptedServer::response(200, bytes); },
                [&](const std::string&) { return ScriptedServer::response(200, bytes + "more"); }};
  EXPECT_EQ(source_->fetch(manifest(1), BlobKind::kSnapshot).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(source_->fetch(manifest(1), BlobKind::kSnapshot).error().code, ErrorCode::kCorrupt);
}

TEST_F(HttpMappingSourceTest, SaysWhatTheDaemonSaid) {
  const auto polled = [&](int status, const std::string& body) {
    overrides_ = {[=](const std::string&) { return ScriptedServer::response(status, body); }};
    // Each time another: one that was answered so waits a little before it asks again.
    const auto source = HttpMappingSource::create({.url = server_.url()}, "items");
    const auto found = (*source)->poll(0ms);
    EXPECT_FALSE(found);
    return found.error();
  };
  const Error refused = polled(401, R"({"error": "the token is missing or wrong"})");
  EXPECT_EQ(refused.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.message, HasSubstr("the token is missing or wrong"));
  EXPECT_THAT(refused.message, HasSubstr("token_file"));
  EXPECT_TRUE(polled(503, "busy").retryable);
  EXPECT_EQ(polled(200, "<html>a proxy</html>").code, ErrorCode::kCorrupt);
}

TEST_F(HttpMappingSourceTest, AnUnknownTableIsAnError) {
  const auto source = HttpMappingSource::create({.url = server_.url()}, "item s/");
  ASSERT_TRUE(source);
  const auto found = (*source)->poll(0ms);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(server_.requests().back(), HasSubstr("/v1/tables/item%20s%2F "));
}

TEST_F(HttpMappingSourceTest, AnsweredWithAnotherTableIsAnError) {
  publish();
  chain_[0].publication.manifest.info.table = "users";
  EXPECT_EQ(source_->poll(0ms).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace remapd::http
