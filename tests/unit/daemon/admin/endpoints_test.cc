#include "daemon/admin/endpoints.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base/hash.h"
#include "tests/unit/daemon/admin/fake_control.h"

namespace remapd::admin {
namespace {

class EndpointsTest : public testing::Test {
 protected:
  EndpointsTest() {
    control_.current = example_status();
    for (Id id = 1; id <= 30; ++id) control_.ids.push_back({id, 100.0 / static_cast<double>(id)});
  }

  Response get(const std::string& target, const std::string& accept = {}) {
    const auto parsed = parse_target(target);
    Request request;
    request.path = parsed->path;
    request.query = parsed->query;
    request.accept = accept;
    Response out;
    endpoints(control_, {}).route(request, [&](Response response) { out = std::move(response); });
    return out;
  }
  nlohmann::json json(const std::string& target) { return nlohmann::json::parse(get(target).body); }

  FakeControl control_;
};

TEST_F(EndpointsTest, IsReadyWhileItRunsAndSaysWhyWhenItIsNot) {
  EXPECT_EQ(get("/livez").status, 200U);
  EXPECT_EQ(get("/readyz").status, 200U);
  control_.current.phase = application::Phase::kRestoring;
  control_.current.problem = "the broker cannot be reached";
  EXPECT_EQ(get("/livez").status, 200U);
  EXPECT_EQ(get("/readyz").status, 503U);
  EXPECT_NE(get("/readyz").body.find("the broker cannot be reached"), std::string::npos);
}

TEST_F(EndpointsTest, StatusSaysEverything) {
  const auto status = json("/status");
  EXPECT_EQ(status["phase"], "running");
  EXPECT_EQ(status["ready"], true);
  EXPECT_EQ(status["problem"], nullptr);
  EXPECT_TRUE(status["problems"].empty());
  EXPECT_EQ(status["started"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(status["stream"]["waiting_samples"], 4);
  EXPECT_EQ(status["stream"]["mini_batch"], 64);
  EXPECT_EQ(status["input"]["features"][0]["ids"], 5'000);
  EXPECT_EQ(status["stream"]["label_mean"], 0.25);
  EXPECT_EQ(status["input"]["dead_letters"], 10);
  EXPECT_EQ(status["input"]["partitions"][0]["lag_messages"], 40);
  EXPECT_EQ(status["input"]["partitions"][1]["lag_messages"], nullptr);
  const auto& table = status["tables"][0];
  EXPECT_EQ(table["name"], "item");
  EXPECT_EQ(table["learner"], "supervised");
  EXPECT_EQ(table["last"]["version"], 7);
  EXPECT_EQ(table["last"]["published"], "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(table["last"]["rows"]["dedicated"], 35);
  EXPECT_EQ(table["gates"].size(), 3U);
  EXPECT_EQ(status["checkpoint"]["saved"], 3);
}

TEST_F(EndpointsTest, ProblemsSayWhatToDo) {
  control_.current.problems.push_back({.code = application::ProblemCode::kFeatureMissing,
                                       .where = "feature usr",
                                       .what = "no id in 1000 samples",
                                       .advice = "compare the names",
                                       .since_ms = 1'700'000'000'000});
  const auto problems = json("/status")["problems"];
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0]["code"], "feature_missing");
  EXPECT_EQ(problems[0]["where"], "feature usr");
  EXPECT_EQ(problems[0]["what"], "no id in 1000 samples");
  EXPECT_EQ(problems[0]["since"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(problems[0]["advice"], "compare the names");
}

TEST_F(EndpointsTest, StatusBeforeAnythingHappenedIsValid) {
  control_.current = {};
  EXPECT_EQ(json("/status")["started"], nullptr);
  EXPECT_EQ(json("/status")["stream"]["label_mean"], nullptr);
}

TEST_F(EndpointsTest, HistoryOfTheSpanThatIsAskedFor) {
  control_.past = {{.time_ms = 1'700'000'000'000,
                    .samples = 5,
                    .ids = 10,
                    .dead_letters = 1,
                    .lag_messages = {},
                    .resident_bytes = 7}};
  const auto history = json("/v1/history");
  EXPECT_EQ(history["step_seconds"], 5);
  EXPECT_EQ(history["points"].size(), 1U);
  EXPECT_EQ(history["points"][0]["time"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(history["points"][0]["samples"], 5);
  EXPECT_EQ(history["points"][0]["lag_messages"], nullptr);
  EXPECT_EQ(json("/v1/history?span=30m"), history);
  EXPECT_EQ(json("/v1/history?span=12h")["step_seconds"], 60);
  EXPECT_EQ(get("/v1/history?span=1d").status, 400U);
}

TEST_F(EndpointsTest, TablesByName) {
  EXPECT_EQ(json("/v1/tables")["tables"].size(), 1U);
  EXPECT_EQ(json("/v1/tables/item")["rows"], 100);
  EXPECT_EQ(get("/v1/tables/user").status, 404U);
}

TEST_F(EndpointsTest, LooksUpNumbersAndTexts) {
  const auto number = json("/v1/tables/item/lookup?id=18446744073709551615&count=2");
  EXPECT_EQ(number["id"], "18446744073709551615");
  EXPECT_EQ(number["row"], 3);
  EXPECT_EQ(number["version"], 7);
  EXPECT_EQ(number["row_mates"].size(), 2U);
  EXPECT_EQ(json("/v1/tables/item/lookup?id=B00X")["id"], std::to_string(hash_text("B00X")));
  EXPECT_EQ(get("/v1/tables/item/lookup").status, 400U);
  EXPECT_EQ(get("/v1/tables/user/lookup?id=1").status, 404U);
}

TEST_F(EndpointsTest, ListsIds) {
  EXPECT_EQ(json("/v1/tables/item/heaviest")["ids"].size(), 20U);
  EXPECT_EQ(json("/v1/tables/item/heaviest?count=5")["ids"][0]["id"], "1");
  EXPECT_EQ(json("/v1/tables/item/rows/3/ids?count=4")["ids"].size(), 4U);
  EXPECT_EQ(json("/v1/tables/item/heaviest?role=shared&count=3")["ids"].size(), 3U);
  EXPECT_EQ(control_.asked_role, pipeline::RowRole::kShared);
  for (const char* bad :
       {"/v1/tables/item/heaviest?count=0", "/v1/tables/item/heaviest?count=x",
        "/v1/tables/item/heaviest?count=1001", "/v1/tables/item/heaviest?role=own",
        "/v1/tables/item/rows/-1/ids", "/v1/tables/item/rows/4294967295/ids"}) {
    EXPECT_EQ(get(bad).status, 400U) << bad;
  }
}

TEST_F(EndpointsTest, MetricsInTheFormatThatIsAskedFor) {
  const Response text = get("/metrics");
  EXPECT_EQ(text.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(text.body.find("# TYPE remapd_samples_total counter\n"), std::string::npos);
  EXPECT_NE(text.body.find("remapd_table_role_rows{table=\"item\",role=\"dedicated\"} 35"),
            std::string::npos);
  const Response open = get("/metrics", "application/openmetrics-text;version=1.0.0,text/plain");
  EXPECT_TRUE(open.content_type.starts_with("application/openmetrics-text"));
  EXPECT_NE(open.body.find("# TYPE remapd_samples counter\n"), std::string::npos);
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
}

}  // namespace
}  // namespace remapd::admin
