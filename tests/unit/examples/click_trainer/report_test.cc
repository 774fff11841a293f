#include "examples/click_trainer/report.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace remapd::click_trainer {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

TrainingResult some_result() {
  mapping::Manifest manifest;
  manifest.info.version = Version{12};
  manifest.stats = {.ids = 20'500, .traffic_dedicated = 0.4, .traffic_shared = 0.6};
  TrainingResult result{.samples = 1'000'000, .counted = 800'000, .contenders = {}, .tables = {}};
  result.contenders = {{"full", 25'027, 0.8, 0.5, 1},
                       {"hash", 2'527, 0.9, 0.55, 0},
                       {"frequency", 2'527, 0.88, 0.54, 0.2},
                       {"remapd", 2'527, 0.825, 0.52, 0.75}};
  TableResult items{.table = {"item", 2'500}, .ids = 25'000, .history = {}};
  items.history.published = 13;
  items.history.swapped = 12;
  items.history.served = manifest;
  items.history.moved = {0.5, 0.02, 0.04};
  result.tables = {items, {.table = {"kind", 0}, .ids = 27, .history = {}}};
  return result;
}

TEST(Report, TellsAPersonWhatHappened) {
  const std::string text = report_text(some_result());
  for (const char* expected : {"item", "2,500", "20,500", "40.0 %", "60.0 %", "4.0 %", "800,000",
                               "0.8250", "75.0 %", "20.0 %", "a row for every id"}) {
    EXPECT_THAT(text, HasSubstr(expected));
  }
  EXPECT_THAT(text, Not(HasSubstr("could not be used")));
}

TEST(Report, TellsOfVersionsThatCouldNotBeUsed) {
  TrainingResult result = some_result();
  result.tables[0].history.rejected = 2;
  result.tables[0].history.problem = "damaged";
  EXPECT_THAT(report_text(result),
              HasSubstr("2 versions could not be used; the last problem: damaged"));
}

TEST(Report, IsAnObjectOfOneLine) {
  const std::string text = report_json(some_result());
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  const json out = json::parse(text);
  EXPECT_EQ(out["samples"], 1'000'000);
  EXPECT_EQ(out["tables"][0]["versions_published"], 13);
  EXPECT_EQ(out["tables"][0]["versions_swapped"], 12);
  EXPECT_EQ(out["tables"][0]["version"], 12);
  EXPECT_EQ(out["tables"][0]["traffic_moved"], 0.04);
  EXPECT_EQ(out["tables"][1]["rows"], 27);
  EXPECT_EQ(out["models"]["remapd"]["ne"], 0.825);
  EXPECT_EQ(out["models"]["remapd"]["gap_closed"], 0.75);
}

TEST(Report, WhatWasNotMeasuredIsSaidToBeSo) {
  TrainingResult result = some_result();
  result.contenders[1].gap_closed = std::nan("");
  result.tables[0].history.served.reset();
  result.tables[0].history.moved.clear();
  EXPECT_TRUE(json::parse(report_json(result))["models"]["hash"]["gap_closed"].is_null());
  EXPECT_TRUE(json::parse(report_json(result))["tables"][0]["version"].is_null());
  EXPECT_THAT(report_text(result), HasSubstr(" -"));
  EXPECT_THAT(report_text(result), HasSubstr("from hash (0 %)"));
  for (auto& contender : result.contenders) contender.gap_closed = std::nan("");
  EXPECT_THAT(report_text(result), HasSubstr("there is none to close"));
}

}  // namespace
}  // namespace remapd::click_trainer
