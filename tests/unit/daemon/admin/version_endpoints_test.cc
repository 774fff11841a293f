#include "daemon/admin/version_endpoints.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "connectors/proto/manifest_codec.h"
#include "core/base/hash.h"
#include "tests/unit/daemon/admin/fake_control.h"

namespace remapd::admin {
namespace {

mapping::BlobPtr blob(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return std::make_shared<mapping::OwnedBlob>(Bytes(bytes.begin(), bytes.end()));
}

class VersionEndpointsTest : public testing::Test {
 protected:
  VersionEndpointsTest() {
    control_.current = example_status();
    publish(6, "artifact six");
    publish(7, "artifact seven");
    application::VersionRecord refused = record(8);
    refused.outcome = application::VersionOutcome::kRefused;
    refused.problem = "too much churn";
    control_.shelf.add(refused, nullptr);
  }

  static application::VersionRecord record(std::uint64_t version) {
    application::VersionRecord out;
    out.table = "item";
    out.version = Version{version};
    out.when_ms = 1'700'000'000'123;
    out.gates.emplace();
    return out;
  }
  void publish(std::uint64_t version, std::string_view artifact) {
    mapping::Manifest manifest = *control_.current.tables[0].last;
    manifest.info.version = Version{version};
    manifest.info.parent = Version{version - 1};
    control_.shelf.add(record(version), application::make_kept_version(manifest, blob(artifact),
                                                                       nullptr, blob("plan")));
  }
  Response get(const std::string& path, Request request = {}) {
    request.path = path;
    Router router;
    add_version_endpoints(control_, router);
    Response out;
    router.route(request, [&](Response response) { out = std::move(response); });
    return out;
  }
  static std::string header(const Response& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }

  FakeControl control_;
};

TEST_F(VersionEndpointsTest, TellsWhatWasBuilt) {
  const auto json = nlohmann::json::parse(get("/v1/tables/item/versions").body);
  EXPECT_EQ(json["table"], "item");
  EXPECT_EQ(json["newest"], 7);
  ASSERT_EQ(json["versions"].size(), 3U);
  EXPECT_EQ(json["versions"][0]["outcome"], "refused");
  EXPECT_EQ(json["versions"][0]["problem"], "too much churn");
  EXPECT_EQ(json["versions"][0]["kept"], false);
  EXPECT_EQ(json["versions"][0]["gates"].size(), 3U);
  EXPECT_EQ(json["versions"][1]["version"], 7);
  EXPECT_EQ(json["versions"][1]["kept"], true);
  EXPECT_EQ(json["versions"][1]["when"], "2023-11-14T22:13:20.123Z");
}

TEST_F(VersionEndpointsTest, HandsOutArtifacts) {
  const Response numbered = get("/v1/tables/item/artifact/6");
  EXPECT_EQ(numbered.status, 200U);
  EXPECT_EQ(numbered.content(), "artifact six");
  EXPECT_EQ(numbered.content_type, "application/octet-stream");
  EXPECT_NE(header(numbered, "Cache-Control").find("immutable"), std::string::npos);
  const Response latest = get("/v1/tables/item/artifact/latest");
  EXPECT_EQ(latest.content(), "artifact seven");
  EXPECT_EQ(header(latest, "Cache-Control"), "no-cache");
  EXPECT_EQ(get("/v1/tables/item/plan/7").content(), "plan");
  EXPECT_EQ(get("/v1/tables/item/delta/7").status, 404U);
}

TEST_F(VersionEndpointsTest, TheManifestNamesWhatIsHandedOut) {
  const Response response = get("/v1/tables/item/manifest/latest");
  const auto manifest = proto::manifest_from_json(response.content());
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->info.version, Version{7});
  EXPECT_EQ(manifest->blob(mapping::BlobKind::kSnapshot)->checksum,
            checksum(as_bytes("artifact seven")));
  EXPECT_FALSE(manifest->blob(mapping::BlobKind::kDelta));
}

TEST_F(VersionEndpointsTest, WhatIsNotThereIsSaid) {
  EXPECT_EQ(get("/v1/tables/item/artifact/5").status, 404U);
  EXPECT_EQ(get("/v1/tables/item/artifact/8").status, 404U);
  EXPECT_EQ(get("/v1/tables/user/artifact/latest").status, 404U);
  EXPECT_EQ(get("/v1/tables/user/versions").status, 404U);
  for (const char* bad : {"0", "-1", "x", "7x", "18446744073709551616"}) {
    EXPECT_EQ(get(std::string("/v1/tables/item/artifact/") + bad).status, 400U) << bad;
  }
  control_.current.tables.push_back(example_table("new"));
  EXPECT_EQ(get("/v1/tables/new/artifact/latest").status, 404U);
  EXPECT_EQ(nlohmann::json::parse(get("/v1/tables/new/versions").body)["newest"], nullptr);
}

TEST_F(VersionEndpointsTest, ServesRanges) {
  Request request;
  request.range = "bytes=9-";
  const Response part = get("/v1/tables/item/artifact/7", request);
  EXPECT_EQ(part.status, 206U);
  EXPECT_EQ(part.content(), "seven");
  EXPECT_EQ(header(part, "Content-Range"), "bytes 9-13/14");
  request.if_range = header(part, "ETag");
  EXPECT_EQ(get("/v1/tables/item/artifact/7", request).status, 206U);
  request.if_range = "\"another\"";
  EXPECT_EQ(get("/v1/tables/item/artifact/7", request).content(), "artifact seven");
  request.if_range.clear();
  request.range = "bytes=14-";
  const Response beyond = get("/v1/tables/item/artifact/7", request);
  EXPECT_EQ(beyond.status, 416U);
  EXPECT_EQ(header(beyond, "Content-Range"), "bytes */14");
}

TEST_F(VersionEndpointsTest, NothingIsSentTwice) {
  Request request;
  request.if_none_match = header(get("/v1/tables/item/manifest/latest"), "ETag");
  const Response same = get("/v1/tables/item/manifest/latest", request);
  EXPECT_EQ(same.status, 304U);
  EXPECT_TRUE(same.content().empty());
  publish(9, "artifact nine");
  EXPECT_EQ(get("/v1/tables/item/manifest/latest", request).status, 200U);
}

}  // namespace
}  // namespace remapd::admin
