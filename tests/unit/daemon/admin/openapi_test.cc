// The OpenAPI file against the code.
#include "daemon/admin/openapi.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/admin/endpoints.h"
#include "daemon/admin/status_json.h"
#include "tests/unit/daemon/admin/fake_control.h"

namespace remapd::admin {
namespace {

using Json = nlohmann::json;

class OpenApiTest : public testing::Test {
 protected:
  OpenApiTest() { control_.current = example_status(); }

  static const char* name(Method method) { return method == Method::kPost ? "post" : "get"; }
  Response ask(const std::string& method, const std::string& path) {
    Request request;
    request.method = method == "post" ? Method::kPost : Method::kGet;
    request.path = path;
    Response out;
    router_.route(request, [&](Response response) { out = std::move(response); });
    return out;
  }
  // A schema of the file, and whether a value has exactly its members, all the way down.
  const Json& resolve(const Json& schema) const {
    if (schema.contains("allOf")) return resolve(schema["allOf"][0]);
    if (!schema.contains("$ref")) return schema;
    const std::string ref = schema["$ref"];
    return file_.at(Json::json_pointer(ref.substr(1)));
  }
  void expect_fits(const Json& value, const Json& unresolved, const std::string& where) {
    const Json& schema = resolve(unresolved);
    if (value.is_null()) {
      EXPECT_TRUE(schema.value("nullable", false) || unresolved.value("nullable", false)) << where;
      return;
    }
    const std::string type = schema.at("type");
    if (type == "object") {
      std::set<std::string> members;
      for (const auto& [key, member] : value.items()) {
        members.insert(key);
        ASSERT_TRUE(schema["properties"].contains(key)) << where << "." << key;
        expect_fits(member, schema["properties"][key], where + "." + key);
      }
      EXPECT_EQ(members, schema.at("required").get<std::set<std::string>>()) << where;
    } else if (type == "array") {
      for (const Json& item : value) expect_fits(item, schema.at("items"), where + "[]");
    } else {
      EXPECT_TRUE((type == "string" && value.is_string()) ||
                  (type == "boolean" && value.is_boolean()) ||
                  (type == "integer" && value.is_number_integer()) ||
                  (type == "number" && value.is_number()))
          << where << " is " << value << ", not " << type;
      if (schema.contains("enum")) {
        EXPECT_NE(std::ranges::find(schema["enum"], value), schema["enum"].end()) << where << value;
      }
    }
  }

  FakeControl control_;
  Router router_ = endpoints(control_, {});
  const Json file_ = Json::parse(openapi_json());
};

TEST_F(OpenApiTest, HasEveryRouteAndNoOther) {
  std::set<std::string> described;
  for (const auto& [path, operations] : file_["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      described.insert(method + " " + path);
    }
  }
  std::set<std::string> routed;
  for (const Router::Route& route : router_.routes()) {
    if (route.path.starts_with("/v1/") || route.path.find('.') == std::string::npos) {
      if (route.path != "/") routed.insert(std::string(name(route.method)) + " " + route.path);
    }
  }
  EXPECT_EQ(routed, described);
}

TEST_F(OpenApiTest, EveryPathIsAnsweredAsDescribed) {
  for (const auto& [path, operations] : file_["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      std::string target = path;
      for (const auto& [variable, value] :
           {std::pair{"{table}", "item"}, {"{version}", "latest"}, {"{row}", "3"}}) {
        const std::size_t at = target.find(variable);
        if (at != std::string::npos) target.replace(at, std::string(variable).size(), value);
      }
      const unsigned status = ask(method, target).status;
      EXPECT_TRUE(operation["responses"].contains(std::to_string(status)))
          << method << " " << path << " answered " << status;
    }
  }
}

TEST_F(OpenApiTest, SchemasAreWhatIsAnswered) {
  control_.current.tables[0].last->info.strategy = mapping::Strategy::kCombined;
  const auto json = [&](const std::string& path) { return Json::parse(ask("get", path).body); };
  const Json& schemas = file_["components"]["schemas"];
  expect_fits(json("/status"), schemas["Status"], "status");
  expect_fits(json("/v1/tables/item"), schemas["Table"], "table");
  control_.past.push_back({});
  control_.past[0].time_ms = 1;
  expect_fits(json("/v1/history"), schemas["History"], "history");
  application::VersionRecord record;
  record.gates.emplace();
  expect_fits(to_json(record, true), schemas["VersionRecord"], "record");
  expect_fits(to_json(application::IdReport{.version = Version{1}, .id = {}, .row_mates = {{}}}),
              schemas["IdReport"], "report");
}

TEST_F(OpenApiTest, ReferencesLeadSomewhere) {
  const std::string text(openapi_json());
  for (std::size_t at = text.find("\"#/"); at != std::string::npos;
       at = text.find("\"#/", at + 1)) {
    const std::string pointer = text.substr(at + 2, text.find('"', at + 1) - at - 2);
    EXPECT_TRUE(file_.contains(Json::json_pointer(pointer))) << pointer;
  }
}

TEST_F(OpenApiTest, IsServed) {
  EXPECT_EQ(Json::parse(ask("get", "/v1/openapi.json").body), file_);
}

}  // namespace
}  // namespace remapd::admin
